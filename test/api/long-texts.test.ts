import { createHash } from 'node:crypto';
import type { AudioFormat } from '../../providers/contract/audio';
import { assembledAudio } from '../support/assembled-audio';
import { speechMilliseconds } from '../support/provider-stub';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { listen } from './support/listener';
import { HELLO, settledSpeech, speak, standing } from './support/speech-api';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ storm: true });
  workspace = server.client;
  await server.grant(workspace.workspaceId, '10000');
  await speak(workspace, HELLO);
});
afterAll(() => server?.close());

const MODEL = 'eleven_v3';
const CHARACTERS_MAX = 3_000;

/** Sentences of different lengths, so that no limit falls on an end by chance. */
function prose(characters: number): string {
  let text = '';
  for (let count = 1; text.length < characters; count++)
    text += `Sentence ${count} is ${'very '.repeat(count % 17)}long. `;
  return text
    .slice(0, characters - 1)
    .trimEnd()
    .padEnd(characters - 1, 'x')
    .concat('.');
}

/** What the stand-in was asked to say since a count of calls. */
const textsSince = (calls: number): string[] =>
  server.stub.requests
    .filter(({ operation }) => operation === 'speech')
    .slice(calls)
    .map(({ json }) => (json as { text: string }).text);

const words = (text: string): string => text.split(/\s+/).join(' ').trim();

describe.each(['COMPLETE', 'STREAM'])('a text above the limit of its model (%s)', (delivery) => {
  it.each<[AudioFormat, number]>([
    ['MP3', 44_100],
    ['WAV', 24_000],
    ['OGG_OPUS', 48_000],
    ['PCM', 24_000],
    ['MULAW', 8_000],
  ])('is split at sentences, spoken in order and joined into one %s', async (format, sampleRate) => {
    const text = prose(7_654);
    const { calls } = server.stub;
    const before = await standing(server, workspace);
    const answer = await speak(workspace, { provider: 'elevenlabs', model: MODEL, text, format, delivery });
    const speech = await settledSpeech(server, workspace, answer.speech.id);

    const parts = textsSince(calls);
    expect(parts.length).toBeGreaterThanOrEqual(3);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(CHARACTERS_MAX);
    for (const part of parts.slice(0, -1)) expect(part.trimEnd()).toMatch(/\.$/);
    expect(words(parts.join(' '))).toBe(words(text));

    const body = await (await listen(speech.audio!.url)).all();
    const read = assembledAudio(body, { format, sampleRate });
    expect(read.sizeBytes).toBe(body.length);
    expect(read.durationMs).toBe(speech.usage!.audioMilliseconds);
    const spoken = parts.reduce((sum, part) => sum + speechMilliseconds(part.length, 1), 0);
    expect(Math.abs(read.durationMs - spoken)).toBeLessThanOrEqual(60 * parts.length);

    expect(speech.usage).toMatchObject({
      characters: 7_654,
      credits: '1270.564',
      requests: parts.length,
      attempts: parts.map(() => ({ provider: 'elevenlabs', outcome: 'SERVED' })),
    });
    expect(await standing(server, workspace)).toMatchObject({
      spendable: String(Number(before.spendable) - 1_270_564_000),
      events: String(Number(before.events) + 1),
    });
    await server.grant(workspace.workspaceId, '1270.564');
  });
});

it('1,234 characters of ElevenLabs cost 204.844 credits', async () => {
  const text = prose(1_234);
  const { usage } = await speak(workspace, { provider: 'elevenlabs', text });
  expect(usage).toMatchObject({ characters: 1_234, credits: '204.844', requests: 1, inputTokens: 309 });
});

it('82 characters are 21 tokens, and what does not count is not charged', async () => {
  const text = prose(82);
  for (const written of [text, `  ${text}\n\n`]) {
    const { usage } = await speak(workspace, { provider: 'elevenlabs', text: written });
    expect(usage).toMatchObject({ characters: 82, inputTokens: 21, billableTokens: 21, credits: '13.612' });
  }
  // NFC: a letter and its accent are one character; outside the basic plane a character is one, too.
  const accents = await speak(workspace, { provider: 'elevenlabs', text: 'e\u0301'.repeat(5) + '🎈'.repeat(5) });
  expect(accents.usage!.characters).toBe(10);
  const ssml = await speak(workspace, {
    provider: 'elevenlabs',
    textType: 'SSML',
    text: '<speak><p>Tom &amp; <sub alias="Jerry">J.</sub></p><break time="500ms"/><!-- not this --></speak>',
  });
  expect(ssml.usage!.characters).toBe('Tom & Jerry'.length);
});

it('of a long text that cannot be split at sentences every word is spoken, and no character twice', async () => {
  for (const text of ['word '.repeat(1_500).trim(), 'x'.repeat(6_500), '🎈'.repeat(3_500)]) {
    const { calls } = server.stub;
    const { usage } = await speak(workspace, { provider: 'elevenlabs', model: MODEL, text });
    const parts = textsSince(calls);
    for (const part of parts) expect([...part].length).toBeLessThanOrEqual(CHARACTERS_MAX);
    expect(hash(parts.join('').replace(/\s/g, ''))).toBe(hash(text.replace(/\s/g, '')));
    expect(usage!.characters).toBe([...text].length);
    await server.grant(workspace.workspaceId, usage!.credits);
  }
});

it('long SSML is split where it may be, and each of its pauses is sent once', async () => {
  const sentence =
    '<s>This is one sentence of many, and all of them together are more than one part.</s><break time="1s"/>';
  const { calls } = server.stub;
  await speak(workspace, {
    provider: 'elevenlabs',
    model: MODEL,
    textType: 'SSML',
    text: `<speak>${`${sentence} `.repeat(60)}</speak>`,
  });
  const parts = textsSince(calls);
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.join(' ').match(/\[pause\]/g)).toHaveLength(60);
  expect(parts.join(' ').match(/This is one sentence of many/g)).toHaveLength(60);
});

it('the part that fails makes the whole fail, and nothing of it is charged', async () => {
  const { calls } = server.stub;
  const before = await standing(server, workspace);
  server.stub.fault(() => (server.stub.calls > calls + 1 ? { kind: 'answer', status: 422 } : undefined));
  const answer = await workspace.graphql(
    'mutation ($input: SynthesizeSpeechInput!) { synthesizeSpeech(input: $input) { replayed } }',
    { input: { provider: 'elevenlabs', model: MODEL, text: prose(7_000) } },
  );
  server.stub.fault(null);
  expect(answer.errors![0]!.extensions).toMatchObject({
    code: 'PROVIDER_REJECTED',
    attempts: [{ outcome: 'SERVED' }, { outcome: 'REJECTED' }],
  });
  expect(await standing(server, workspace)).toMatchObject({ spendable: before.spendable, held: '0', holds: '0' });
});

it('a file of a joined speech is the same when it is read twice', async () => {
  const { speech } = await speak(workspace, { provider: 'elevenlabs', model: MODEL, text: prose(6_500) });
  const [first, second] = await Promise.all([listen(speech.audio!.url), listen(speech.audio!.url)]);
  expect(hash(await first.all())).toBe(hash(await second.all()));
});

const hash = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
