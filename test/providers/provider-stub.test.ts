import { Pool } from 'undici';
import { ELEVENLABS_VOICES, type ProviderStub, randomFaults, startProviderStub } from '../support/provider-stub';

let stub: ProviderStub;
let pool: Pool;

async function start(options?: Parameters<typeof startProviderStub>[0]): Promise<void> {
  stub = await startProviderStub(options);
  pool = new Pool(stub.url);
}

async function post(
  path: string,
  json: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Buffer }> {
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json', 'xi-api-key': 'key', ...headers },
    body: JSON.stringify(json),
  });
  return { status: statusCode, body: Buffer.from(await body.arrayBuffer()) };
}

afterEach(async () => {
  await pool.destroy();
  await stub.close();
});

const voice = `/v1/text-to-speech/${String(ELEVENLABS_VOICES[0]!.voice_id)}`;

describe('what the documents do not allow is refused in their own form', () => {
  it.each<[string, string, unknown, Record<string, string>, number, string]>([
    ['no key', voice, { text: 'a' }, { 'xi-api-key': '' }, 401, 'invalid_api_key'],
    ['another content type', voice, { text: 'a' }, { 'content-type': 'text/plain' }, 422, 'json_type'],
    ['no text', voice, {}, {}, 422, 'missing'],
    ['an empty text', voice, { text: ' ' }, {}, 400, 'input_text_empty'],
    ['an unknown field', voice, { text: 'a', speed: 1 }, {}, 422, 'extra_forbidden'],
    ['an unknown query', `${voice}?format=mp3`, { text: 'a' }, {}, 422, 'extra_forbidden'],
    ['an unknown format', `${voice}?output_format=flac`, { text: 'a' }, {}, 422, 'enum'],
    ['WAV from the streaming endpoint', `${voice}/stream?output_format=wav_24000`, { text: 'a' }, {}, 422, 'enum'],
    ['an unknown model', voice, { text: 'a', model_id: 'eleven_v9' }, {}, 400, 'model_not_found'],
    ['a language for multilingual v2', voice, { text: 'a', language_code: 'de' }, {}, 400, 'unsupported_parameter'],
    ['a speed out of range', voice, { text: 'a', voice_settings: { speed: 2 } }, {}, 400, 'invalid_voice_settings'],
    ['an unknown voice', '/v1/text-to-speech/nobody', { text: 'a' }, {}, 404, 'voice_not_found'],
    ['Kokoro: an unknown field', '/v1/audio/speech', { input: 'a', instructions: 'b' }, {}, 422, 'extra_forbidden'],
    ['Kokoro: an unknown model', '/v1/audio/speech', { input: 'a', model: 'x' }, {}, 400, 'invalid_model'],
    ['Kokoro: an unknown voice', '/v1/audio/speech', { input: 'a', voice: 'x' }, {}, 400, 'validation_error'],
    ['Kokoro: an unknown language', '/v1/audio/speech', { input: 'a', lang_code: 'de' }, {}, 400, 'validation_error'],
    ['Kokoro: a speed out of range', '/v1/audio/speech', { input: 'a', speed: 5 }, {}, 422, 'range'],
    ['Kokoro: an unknown format', '/v1/audio/speech', { input: 'a', response_format: 'ogg' }, {}, 422, 'literal_error'],
    ['an unknown path', '/v1/nothing', {}, {}, 404, 'Not Found'],
  ])('%s', async (_name, path, json, headers, status, code) => {
    await start();
    const answer = await post(path, json, headers);
    expect(answer.status).toBe(status);
    expect(JSON.stringify(JSON.parse(answer.body.toString()).detail)).toContain(`"${code}"`);
  });
});

it('speech grows with its text and shrinks with its speed', async () => {
  await start();
  const pcm = async (characters: number, speed: number) =>
    (await post('/v1/audio/speech', { input: 'a'.repeat(characters), response_format: 'pcm', speed })).body.length;
  expect(await pcm(200, 1)).toBe(2 * (await pcm(100, 1)));
  expect(await pcm(200, 2)).toBe(await pcm(100, 1));
});

it('a lean stub counts, and gives every request the same audio at once', async () => {
  await start({ lean: true });
  const [one, other] = [await post(voice, { text: 'a' }), await post('/v1/audio/speech', 'nonsense')];
  expect(one.status).toBe(200);
  expect(one.body.equals(other.body)).toBe(true);
  expect([stub.calls, stub.requests.length]).toEqual([2, 0]);
});

it('random faults are the same for the same seed, and as frequent as asked', async () => {
  await start();
  const draw = (seed: number) => {
    const fault = randomFaults(seed, 0.25, [{ kind: 'empty' }, () => ({ kind: 'hang-up' })]);
    return Array.from({ length: 1_000 }, () => fault({} as never)?.kind);
  };
  expect(draw(3)).toEqual(draw(3));
  expect(draw(3)).not.toEqual(draw(4));
  const faults = draw(3).filter((kind) => kind !== undefined);
  expect(faults.length).toBeGreaterThan(200);
  expect(faults.length).toBeLessThan(300);
  expect(new Set(faults)).toEqual(new Set(['empty', 'hang-up']));
});
