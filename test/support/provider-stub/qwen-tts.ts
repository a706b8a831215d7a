import { audioFixture } from '../audio-fixtures';
import { type StubAnswer, type StubRequest, speechMilliseconds, unknownField } from './requests';

/** Characters of one request, by model; the older one counts 512 tokens, here a character each. */
const CHARACTERS_MAX: Readonly<Record<string, number>> = {
  'qwen3-tts-flash': 600,
  'qwen3-tts-instruct-flash': 600,
  'qwen-tts': 512,
};
const LANGUAGE_TYPES = [
  ...['Auto', 'Chinese', 'English', 'German', 'Italian', 'Portuguese', 'Spanish', 'Japanese', 'Korean', 'French'],
  'Russian',
];
const VOICES = new Set([
  ...'Cherry Serena Ethan Chelsie Momo Vivian Moon Maia Kai Nofish Bella Jennifer Ryan Katerina Elias Jada'.split(' '),
  ...'Dylan Sunny Li Marcus Roy Peter Rocky Kiki Eric Mia Mochi Bellona Vincent Bunny Neil Arthur Nini'.split(' '),
  ...['Seren', 'Pip', 'Stella', 'Eldric Sage'],
]);

const PIECE_BYTES = 9_600; // 200 ms
let requestNumber = 0;

/** Answers as Model Studio's generation route and its object store are documented to. */
export function answerAsQwenTts(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  if (request.operation === 'audio') return storedFile(request);
  const key = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (key === undefined || refusedKeys.has(key)) return failure(401, 'InvalidApiKey', 'Invalid API-key provided.');
  const body = request.json as { model?: unknown; input?: unknown } | undefined;
  if (
    request.headers['content-type'] !== 'application/json' ||
    typeof body?.input !== 'object' ||
    body.input === null
  ) {
    return failure(400, 'InvalidParameter', 'Required parameter(s) missing or invalid.');
  }
  const extra = unknownField(body, ['model', 'input']) ?? unknownField(body.input, ['text', 'voice', 'language_type']);
  if (extra !== undefined) return failure(400, 'InvalidParameter', `stand-in: nothing sends ${extra}`);
  const limit = typeof body.model === 'string' ? CHARACTERS_MAX[body.model] : undefined;
  if (limit === undefined) return failure(404, 'ModelNotFound', 'Model not exist.');
  const { text, voice, language_type: language = 'Auto' } = body.input as Record<string, unknown>;
  if (typeof text !== 'string' || text === '' || [...text].length > limit) {
    return failure(400, 'InvalidParameter', `Range of input length should be [1, ${limit}]`);
  }
  if (typeof voice !== 'string' || !VOICES.has(voice)) {
    return failure(400, 'InvalidParameter', `Voice '${String(voice)}' is not supported.`);
  }
  if (typeof language !== 'string' || !LANGUAGE_TYPES.includes(language)) {
    return failure(400, 'InvalidParameter', `Language type '${String(language)}' is not supported.`);
  }
  const requestId = `stub-${++requestNumber}`;
  const milliseconds = speechMilliseconds([...text].length, 1);
  const usage = body.model === 'qwen-tts' ? { input_tokens: 9, output_tokens: 99, total_tokens: 108 } : counted(text);
  const url =
    'http://dashscope-result-sgp.oss-ap-southeast-1.aliyuncs.com/dashscope-result/' +
    `${requestId}/${milliseconds}.wav?Expires=1758815691&Signature=stub%2Bsignature%3D`;
  if (request.headers['x-dashscope-sse'] !== 'enable') {
    const audio = { data: '', url, id: `audio_${requestId}`, expires_at: 1758815691 };
    return {
      kind: 'json',
      status: 200,
      body: { output: { audio, finish_reason: 'stop' }, usage, request_id: requestId },
    };
  }
  return { kind: 'events', events: events(milliseconds, url, usage, requestId) };
}

/** A Han character is two. */
function counted(text: string): { readonly characters: number } {
  return { characters: [...text].reduce((sum, sign) => sum + (/\p{Script=Han}/u.test(sign) ? 2 : 1), 0) };
}

/** Every form that is left open: null and "null", a last event with the address and one without data of its own. */
function events(milliseconds: number, url: string, usage: unknown, requestId: string): string[] {
  const samples = audioFixture('PCM', 24_000, milliseconds);
  const written: string[] = [];
  const write = (output: unknown): void => {
    const data = JSON.stringify({ output, usage, request_id: requestId });
    // An event may span several lines; a comma ends none of the values here.
    const lines = data.replace(/,"usage"/, ',\ndata:"usage"');
    written.push(`id:${written.length + 1}\nevent:result\n:HTTP_STATUS/200\ndata:${lines}\n\n`);
  };
  for (let from = 0; from < samples.length; from += PIECE_BYTES) {
    const data = samples.subarray(from, from + PIECE_BYTES).toString('base64');
    write({
      audio: { data, expires_at: 1758815691, id: `audio_${requestId}` },
      finish_reason: from === 0 ? null : 'null',
    });
  }
  write({ audio: { data: '', url, id: `audio_${requestId}`, expires_at: 1758815691 }, finish_reason: 'stop' });
  return written;
}

/** The file behind a signed address: nobody's key is asked for, and the signature must have come through. */
function storedFile({ path, query, headers }: StubRequest): StubAnswer {
  if (headers.authorization !== undefined || query.get('Signature') !== 'stub+signature=') {
    return { kind: 'json', status: 403, body: '<Error><Code>SignatureDoesNotMatch</Code></Error>' };
  }
  return {
    kind: 'audio',
    format: 'WAV',
    sampleRate: 24_000,
    contentType: 'audio/x-wav',
    milliseconds: Number(/(\d+)\.wav$/.exec(path)?.[1]),
    streamed: false,
    headers: {},
  };
}

function failure(status: number, code: string, message: string): StubAnswer {
  return { kind: 'json', status, body: { code, message, request_id: `stub-${++requestNumber}` } };
}
