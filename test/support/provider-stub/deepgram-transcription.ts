import { openApiDocument } from '../openapi';
import type { StubAnswer, StubRequest } from './requests';
import { containerOf, type TranscriptionScript, transcriptionScript } from './transcription-script';

const REQUEST_ID = '3f9a1c52-7f20-4c40-9d7c-2f64f2f7f001';
const ENGLISH_ONLY = /^nova-(2|3)-(?!general)/;
/** Enough of them to tell a tag that is served from one that is not. */
const LANGUAGES = ['en', 'en-US', 'en-GB', 'de', 'fr', 'es', 'pt', 'pt-BR', 'zh', 'zh-TW', 'ja', 'multi'];

/** Answers as the transcription of recordings at Deepgram is documented to. */
export function answerAsDeepgramTranscription(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  const key = /^Token (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (key === undefined || refusedKeys.has(key)) return failure(401, 'INVALID_AUTH', 'Invalid credentials.');
  const { query } = request;
  // The document knows a JSON body alone; the address is what is held against it.
  const fault = openApiDocument('deepgram.yaml')?.requestFaults('post', '/v1/listen', `${request.path}?${query}`, {
    url: 'https://stub.example/audio',
  })[0];
  if (fault !== undefined) return failure(400, 'INVALID_QUERY_PARAMETER', fault);
  if (!/^(audio\/|video\/|application\/(octet-stream|ogg)$)/.test(request.headers['content-type'] ?? '')) {
    return failure(400, 'INVALID_JSON', 'Invalid JSON submitted.');
  }
  const model = query.get('model') ?? 'base-general';
  const language = query.get('language') ?? 'en';
  if (!LANGUAGES.includes(language) || (ENGLISH_ONLY.test(model) && !language.startsWith('en'))) {
    return failure(400, 'Bad Request', 'No such model/language/tier combination found.');
  }
  if (containerOf(request.body) === null) {
    return failure(400, 'Bad Request', 'Bad Request: failed to process audio: corrupt or unsupported data');
  }
  return {
    kind: 'json',
    status: 200,
    body: bodyOf(transcriptionScript(request.body), query),
    headers: { 'dg-request-id': REQUEST_ID },
  };
}

function bodyOf(script: TranscriptionScript, query: URLSearchParams): object {
  const diarized = query.has('diarize_model');
  const formatted = query.get('smart_format') === 'true' || query.get('punctuate') === 'true';
  const words = script.words.map(({ word, start, end, confidence, speaker }) => ({
    word: plain(word),
    start,
    end,
    confidence,
    ...(diarized ? { speaker, speaker_confidence: 0.8 } : {}),
    ...(formatted ? { punctuated_word: word } : {}),
  }));
  let from = 0;
  const utterances = script.turns.map((turn, channelLocal) => {
    const own = words.slice(from, from + turn.words.length);
    from += turn.words.length;
    const transcript = formatted ? turn.text : plain(turn.text);
    const id = `00000000-0000-4000-8000-00000000000${channelLocal}`;
    const told = { start: turn.start, end: turn.end, confidence: 0.95, channel: 0, transcript, words: own, id };
    return diarized ? { ...told, speaker: turn.speaker } : told;
  });
  const detected =
    query.get('detect_language') === 'true' ? { detected_language: 'en', language_confidence: 0.99 } : {};
  const transcript = formatted ? script.text : plain(script.text);
  return {
    metadata: {
      transaction_key: 'deprecated',
      request_id: REQUEST_ID,
      sha256: '0'.repeat(64),
      created: '2026-11-20T12:00:00.000Z',
      duration: script.duration,
      channels: 1,
      models: ['stub-model'],
      model_info: {},
    },
    results: {
      channels: [{ alternatives: [{ transcript, confidence: 0.97, words }], ...detected }],
      ...(query.get('utterances') === 'true' ? { utterances } : {}),
    },
  };
}

const plain = (text: string): string => text.toLowerCase().replace(/[.,?]/g, '');

function failure(status: number, err_code: string, err_msg: string): StubAnswer {
  return {
    kind: 'json',
    status,
    body: { err_code, err_msg, request_id: REQUEST_ID },
    headers: { 'dg-request-id': REQUEST_ID, 'dg-error': err_msg },
  };
}
