import type { GraphqlAnswer } from '../support/graphql-client';
import { Gate, type StubFault } from '../support/provider-stub';
import { TestClock } from '../support/test-clock';
import type { TestServer, TestWorkspace } from '../support/test-server';
import { expectRefusalWithoutTrace, standing } from './support/speech-api';
import {
  ask,
  base64Of,
  deleteTranscription,
  findTranscription,
  MINUTE,
  refusedTranscription,
  SAID,
  SECOND,
  SECOND_CREDITS,
  startTranscriptionServer,
  tokenClient,
  transcribe,
  transcriptionEvents,
  wavOf,
} from './support/transcription-api';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTranscriptionServer();
});
beforeEach(async () => {
  server.stub.fault(null);
  workspace = await server.createWorkspace({ plan: 'scale' });
});
afterAll(() => server?.close());

describe('transcribe', () => {
  it('writes audio down and charges its measured length, exactly', async () => {
    const { transcription, usage, replayed } = await transcribe(workspace, {
      ...MINUTE,
      endUserId: 'user-7',
      metadata: { call: '12' },
    });
    expect(transcription).toMatchObject({
      text: SAID,
      language: 'en',
      durationSeconds: 61.5,
      segments: [],
      words: [],
      provider: { id: 'openai' },
      providerId: 'openai',
      model: 'openai/whisper-1',
      endUserId: 'user-7',
      metadata: { call: '12' },
    });
    expect(replayed).toBe(false);
    expect(usage).toMatchObject({
      id: transcription.id,
      capability: 'SPEECH_TO_TEXT',
      status: 'SUCCEEDED',
      credits: '12.3',
      heldCredits: '12.3',
      estimatedCredits: '12.3',
      audioMilliseconds: 61_500,
      audioSeconds: 61.5,
      inputTokens: 0,
      totalTokens: 0,
      requests: 1,
      byok: false,
      credential: 'PLATFORM',
      attempts: [{ provider: 'openai', model: 'openai/whisper-1', outcome: 'SERVED', errorCode: null }],
    });
    expect(transcription.usage).toEqual(usage);
    expect(await standing(server, workspace)).toMatchObject({ events: '1', holds: '0' });
  });

  it.each([
    ['openai', 'openai/gpt-transcribe', '0.2'],
    ['deepgram', 'deepgram/nova-3', '0.15'],
    ['elevenlabs', 'elevenlabs/scribe_v2', '0.1'],
    ['fish-audio', 'fish-audio/transcribe-1', '0.133334'],
    ['cartesia', 'cartesia/ink-whisper', '0.166667'],
    ['mistral', 'mistral/voxtral-mini-2602', '0.133334'],
    ['groq', 'groq/whisper-large-v3-turbo', '0.033334'],
  ])('a second with %s costs what its list says', async (provider, model, credits) => {
    const { usage, transcription } = await transcribe(workspace, { ...SECOND, provider });
    expect(usage).toMatchObject({ providerId: provider, credits, audioMilliseconds: 1_000 });
    expect(transcription.providerId).toBe(provider);
    expect(usage.model.startsWith(`${provider}/`)).toBe(true);
    expect(model.startsWith(provider)).toBe(true);
  });

  it('rounds up once, to a micro-credit', async () => {
    const { usage } = await transcribe(workspace, { provider: 'groq', audio: base64Of(wavOf(1)) });
    expect(usage).toMatchObject({ credits: '0.000034', audioMilliseconds: 1 });
  });

  it('tells segments, words and speakers where they are asked for', async () => {
    const timed = await transcribe(workspace, { ...MINUTE, timestamps: 'WORD' });
    expect(timed.transcription.words).toHaveLength(8);
    expect(timed.transcription.words[0]).toMatchObject({ startSeconds: 0, text: expect.stringContaining('Good') });
    expect(timed.transcription.segments.length).toBeGreaterThan(0);
    const spoken = await transcribe(workspace, {
      ...SECOND,
      provider: 'deepgram',
      diarize: true,
      timestamps: 'SEGMENT',
    });
    expect(new Set(spoken.transcription.segments.map(({ speaker }) => speaker)).size).toBe(2);
  });

  it('goes to the first provider that has a key and can do it, where nobody is named', async () => {
    const audio = SECOND.audio;
    expect((await transcribe(workspace, { audio })).usage.providerId).toBe('openai');
    expect((await transcribe(workspace, { audio, diarize: true })).usage.providerId).toBe('deepgram');
    expect((await transcribe(workspace, { audio, model: 'groq/whisper-large-v3' })).usage).toMatchObject({
      model: 'groq/whisper-large-v3',
    });
  });

  it('is counted as metered, and its seconds came in, so none went out', async () => {
    const answer = await ask(workspace, SECOND);
    expect(answer.headers).toMatchObject({
      'x-ratelimit-remaining': '299',
      'x-usage-input-tokens': '0',
      'x-usage-output-seconds': '0',
      'x-usage-total-tokens': '0',
    });
  });

  it('is told by usageUpdated, usageEvents and the breakdown', async () => {
    const { subscription } = await workspace.subscribe<{ usageUpdated: { usage: { id: string } } }>(
      'subscription { usageUpdated { usage { id capability credits audioMilliseconds } } }',
    );
    await workspace.data('{ workspace { id } }');
    const { usage } = await transcribe(workspace);
    const next = await subscription.next();
    expect(JSON.stringify(next)).toContain(usage.id);
    expect(await transcriptionEvents(workspace)).toEqual([usage]);
    const summary = await workspace.data('{ usage { breakdown { stt } } }');
    expect(summary).toEqual({ usage: { breakdown: { stt: SECOND_CREDITS } } });
  });

  it('is kept, and can be asked for by its id', async () => {
    const { transcription } = await transcribe(workspace, { ...MINUTE, timestamps: 'WORD' });
    expect((await findTranscription(workspace, transcription.id)).data!.transcription).toEqual(transcription);
  });

  it('runs to its end and is kept although its caller has gone', async () => {
    const gate = new Gate();
    server.stub.fault(() => ({ kind: 'gated', gate }));
    const left = new AbortController();
    const sent = workspace
      .send('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          query: 'mutation ($input: TranscribeInput!) { transcribe(input: $input) { replayed } }',
          variables: { input: { ...SECOND, idempotencyKey: 'left' } },
        }),
        signal: left.signal,
      })
      .catch((error: Error) => error.name);
    await server.stub.when((stub) => stub.requests.some(({ aborted, answered }) => !aborted && !answered));
    left.abort();
    expect(await sent).toBe('AbortError');
    gate.open();
    await Promise.all(server.container.live.all().map(({ settled }) => settled));
    server.stub.fault(null);
    const before = server.stub.calls;
    const { replayed, transcription, usage } = await transcribe(workspace, { ...SECOND, idempotencyKey: 'left' });
    expect([replayed, transcription.text, usage.credits]).toEqual([true, SAID, SECOND_CREDITS]);
    expect(server.stub.calls).toBe(before);
  });
});

describe('what cannot be served is refused before anything is held or sent', () => {
  it.each<[string, Record<string, unknown>, string, string]>([
    ['an unknown provider', { provider: 'nobody' }, 'BAD_USER_INPUT', 'provider'],
    ['a provider of speech alone', { provider: 'local' }, 'BAD_USER_INPUT', 'provider'],
    ['an unknown model', { model: 'whisper-9' }, 'BAD_USER_INPUT', 'model'],
    ['a model of another provider', { model: 'groq/whisper-large-v3' }, 'BAD_USER_INPUT', 'model'],
    ['a language that is none', { language: 'english please' }, 'BAD_USER_INPUT', 'language'],
    ['speakers of a model that hears none', { diarize: true }, 'UNSUPPORTED', 'diarize'],
    ['times of a model that tells none', { timestamps: 'WORD' }, 'UNSUPPORTED', 'timestamps'],
    ['an empty prompt', { prompt: '' }, 'BAD_USER_INPUT', 'prompt'],
    ['a prompt of 2,001 characters', { prompt: 'a'.repeat(2_001) }, 'BAD_USER_INPUT', 'prompt'],
    ['a prompt with NUL', { prompt: 'a\0b' }, 'BAD_USER_INPUT', 'prompt'],
    ['a prompt for a model that takes none', { provider: 'deepgram', prompt: 'Polyphony' }, 'UNSUPPORTED', 'prompt'],
    [
      'a format that the provider does not take',
      {
        audio: base64Of(Buffer.from('//FQgB+//AAA', 'base64')),
        provider: 'openai',
      },
      'BAD_USER_INPUT',
      'audio',
    ],
    ['a time of 999 ms', { routing: { timeoutMs: 999 } }, 'BAD_USER_INPUT', 'routing.timeoutMs'],
    [
      'a fallback with a voice',
      { routing: { fallbacks: [{ provider: 'groq', voice: 'x' }] } },
      'BAD_USER_INPUT',
      'routing.fallbacks.0.voice',
    ],
    [
      'a fallback that is not there',
      { routing: { fallbacks: [{ provider: 'nobody' }] } },
      'BAD_USER_INPUT',
      'routing.fallbacks.0.provider',
    ],
    ['an end user of control characters', { endUserId: 'a\u0001' }, 'BAD_USER_INPUT', 'endUserId'],
    ['metadata that is no text', { metadata: { a: 1 } }, 'BAD_USER_INPUT', 'metadata'],
    ['an empty idempotency key', { idempotencyKey: '' }, 'BAD_USER_INPUT', 'idempotencyKey'],
    ['credits below nothing', { maxCredits: '-1' }, 'BAD_USER_INPUT', 'maxCredits'],
  ])('%s', async (_name, more, code, field) => {
    const answer = await expectRefusalWithoutTrace(server, workspace, () => ask(workspace, { ...SECOND, ...more }));
    expect(answer.code).toBe(code);
    expect(answer.errors![0]!.extensions.field).toBe(field);
    if (code === 'UNSUPPORTED') expect(answer.errors![0]!.extensions.supported).toEqual(expect.any(Array));
  });

  it.each([
    ['nothing', {}],
    ['two sources', { base64: 'AAAA', url: 'https://example.com/a.wav' }],
    ['null', { base64: null }],
  ])('audio from %s', async (_name, audio) => {
    const answer = await expectRefusalWithoutTrace(server, workspace, () => ask(workspace, { audio }));
    expect(answer.code).toBe('BAD_USER_INPUT');
  });

  it('names the models that could, where one cannot', async () => {
    const { message, extensions } = await refusedTranscription(workspace, { ...SECOND, diarize: true });
    expect(extensions.supported).toEqual(['openai/gpt-4o-transcribe-diarize']);
    expect(message).toContain('openai/gpt-4o-transcribe-diarize');
  });

  it('more than maxCredits', async () => {
    const answer = await expectRefusalWithoutTrace(server, workspace, () =>
      ask(workspace, { ...MINUTE, maxCredits: '12.299999' }),
    );
    expect(answer.errors![0]!.extensions).toMatchObject({ code: 'MAX_CREDITS_EXCEEDED', required: '12.3' });
    expect((await transcribe(workspace, { ...MINUTE, maxCredits: '12.3' })).usage.credits).toBe('12.3');
  });

  it('more than the credits that are left', async () => {
    const poor = await server.createWorkspace({ plan: 'free' });
    const long = base64Of(wavOf(3_000));
    await server.database.query('UPDATE accounts SET spendable = held WHERE workspace_id = $1', [poor.workspaceId]);
    await server.database.query('UPDATE grants SET remaining = 0, spent = credits WHERE workspace_id = $1', [
      poor.workspaceId,
    ]);
    const answer = await expectRefusalWithoutTrace(server, poor, () => ask(poor, { ...SECOND, audio: long }));
    expect(answer.errors![0]!.extensions).toMatchObject({
      code: 'INSUFFICIENT_CREDITS',
      required: '0.6',
      available: '0',
    });
  });

  it('a recording longer or larger than the model takes', async () => {
    const answer = await expectRefusalWithoutTrace(server, workspace, () =>
      ask(workspace, { provider: 'openai', model: 'gpt-4o-transcribe', audio: base64Of(slowWav(1_401)) }),
    );
    expect(answer.errors![0]!.extensions).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', limit: 1_400, actual: 1_401 });
  });
});

/** So many seconds in few bytes. */
function slowWav(seconds: number): Buffer {
  const wav = Buffer.from(wavOf(1_000)).subarray(0, 44 + seconds * 100 * 2);
  const data = Buffer.alloc(seconds * 100 * 2);
  const header = Buffer.from(wav.subarray(0, 44));
  header.writeUInt32LE(100, 24);
  header.writeUInt32LE(200, 28);
  header.writeUInt32LE(data.length, 40);
  header.writeUInt32LE(data.length + 36, 4);
  return Buffer.concat([header, data]);
}

describe('own keys', () => {
  const headers = { 'x-provider-key-openai': 'own-key' };

  it('cost nothing and are recorded with all their quantities', async () => {
    const { usage } = await transcribe(workspace, MINUTE, headers);
    expect(usage).toMatchObject({
      credits: '0',
      heldCredits: '0',
      byok: true,
      credential: 'REQUEST_KEY',
      audioMilliseconds: 61_500,
    });
    expect(server.stub.requests.at(-1)!.headers.authorization).toBe('Bearer own-key');
  });

  it('serve where the platform has none, and the refusal says so otherwise', async () => {
    const bare = await startTranscriptionServer({
      env: Object.fromEntries(
        ['OPENAI', 'DEEPGRAM', 'FISH_AUDIO', 'CARTESIA', 'MISTRAL', 'GROQ', 'ELEVENLABS'].map((name) => [
          `${name}_API_KEY`,
          undefined,
        ]),
      ),
    });
    try {
      const { message, extensions } = await refusedTranscription(bare.client, { audio: SECOND.audio });
      expect(extensions.code).toBe('PROVIDER_NOT_CONFIGURED');
      expect(message).toContain('OPENAI_API_KEY');
      expect(message).toMatch(/X-Provider-Key-/i);
      const { usage } = await transcribe(bare.client, { audio: SECOND.audio }, { 'x-provider-key-groq': 'own-key' });
      expect(usage).toMatchObject({ providerId: 'groq', byok: true, credits: '0' });
      expect(bare.stub.calls).toBe(1);
    } finally {
      await bare.close();
    }
  });
});

describe('a provider that fails', () => {
  it('costs nothing, is retried, and what it said is told', async () => {
    server.stub.fault(() => ({ kind: 'answer', status: 503, body: { error: { message: 'overloaded' } } }));
    const { extensions } = await refusedTranscription(workspace, { ...SECOND, provider: 'mistral' });
    expect(extensions).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', provider: 'mistral', retryable: true });
    const [event] = await transcriptionEvents(workspace);
    expect(event).toMatchObject({
      status: 'FAILED',
      credits: '0',
      errorCode: 'PROVIDER_UNAVAILABLE',
      audioMilliseconds: 0,
    });
    expect(event!.requests).toBeGreaterThan(1);
    expect(await standing(server, workspace)).toMatchObject({ holds: '0', held: '0' });
  });

  it('is followed by the fallback, which is charged at its own price', async () => {
    server.stub.fault(({ provider }) =>
      provider === 'openai' ? { kind: 'answer', status: 400, body: { error: { message: 'no' } } } : undefined,
    );
    const { usage, transcription } = await transcribe(workspace, {
      ...SECOND,
      routing: { fallbacks: [{ provider: 'groq' }] },
    });
    expect(usage).toMatchObject({ providerId: 'groq', credits: '0.033334', heldCredits: '0.2', requests: 2 });
    expect(usage.attempts.map(({ provider, outcome }) => [provider, outcome])).toEqual([
      ['openai', 'REJECTED'],
      ['groq', 'SERVED'],
    ]);
    expect(transcription.providerId).toBe('groq');
  });

  it('that answers 200 with an error or with no transcript is a failure', async () => {
    for (const body of [{ error: { message: 'quota' } }, { nothing: true }, 'text']) {
      server.stub.fault(() => ({ kind: 'answer', status: 200, body }));
      const { extensions } = await refusedTranscription(workspace, SECOND);
      expect(extensions.code).toMatch(/^PROVIDER_/);
    }
    expect((await transcriptionEvents(workspace)).every(({ credits }) => credits === '0')).toBe(true);
  });

  it('its own timeoutMs ends it at no cost, and the key may be used again', async () => {
    server.stub.fault(() => ({ kind: 'stall-before-headers' }));
    const input = { ...SECOND, routing: { timeoutMs: 1_000 }, idempotencyKey: 'slow' };
    const { extensions } = await refusedTranscription(workspace, input);
    expect(extensions).toMatchObject({ code: 'ABORTED', usage: { credits: '0', audioMilliseconds: 0 } });
    server.stub.fault(null);
    expect((await transcribe(workspace, input)).replayed).toBe(false);
  });
});

describe('a retired model', () => {
  const REFUSED = {
    kind: 'answer',
    status: 404,
    body: { error: { message: 'no such model', code: 'model_not_found' } },
  };
  let later: TestServer;
  beforeAll(async () => {
    later = await startTranscriptionServer({ clock: new TestClock(Date.parse('2027-03-01')) });
  });
  afterAll(() => later?.close());

  it('is tried when it is asked for, and its refusal names the successor', async () => {
    later.stub.fault(() => REFUSED as StubFault);
    const { message, extensions } = await refusedTranscription(later.client, { ...SECOND, model: 'whisper-1' });
    expect(extensions).toMatchObject({ code: 'PROVIDER_REJECTED', successor: 'openai/gpt-transcribe' });
    expect(message).toContain('openai/gpt-transcribe');
  });

  it('is followed by its successor where that may serve', async () => {
    later.stub.fault(null);
    const input = { ...SECOND, model: 'whisper-1', routing: { allowSuccessor: true } };
    expect((await transcribe(later.client, input)).usage.model).toBe('openai/gpt-transcribe');
  });
});

describe("the provider's own figure", () => {
  const counted = async (seconds: number): Promise<readonly string[]> => {
    server.stub.fault(() => ({
      kind: 'answer',
      status: 200,
      body: { text: 'x', usage: { type: 'duration', seconds } },
    }));
    const before = server.logged.length;
    const { usage } = await transcribe(workspace, SECOND);
    expect(usage.credits).toBe(SECOND_CREDITS);
    const { rows } = await server.database.query<{ provider_count: unknown }>(
      'SELECT provider_count FROM usage_events WHERE id = $1',
      [usage.id],
    );
    expect(rows[0]!.provider_count).toEqual({ unit: 'seconds', quantity: seconds });
    return server.logged.slice(before).filter((line) => line.includes('another length'));
  };

  it('is kept, and never charged', async () => {
    expect(await counted(1)).toEqual([]);
    expect(await counted(2)).toEqual([]);
  });

  it('is an anomaly beyond its documented rounding', async () => {
    const [line] = await counted(60);
    expect(JSON.parse(line!)).toMatchObject({ level: 40, provider: 'openai', measuredMs: 1_000, providerSeconds: 60 });
  });
});

describe('deleteTranscription', () => {
  it('removes the text at once; the usage event stays, and the key brings nothing back', async () => {
    const input = { ...SECOND, idempotencyKey: 'deleted' };
    const { transcription, usage } = await transcribe(workspace, input);
    const { data } = await deleteTranscription(workspace, transcription.id);
    expect(data).toEqual({ deleteTranscription: { deletedId: transcription.id } });
    expect((await findTranscription(workspace, transcription.id)).code).toBe('NOT_FOUND');
    expect(await transcriptionEvents(workspace)).toEqual([usage]);
    const { rows } = await server.database.query('SELECT 1 FROM transcriptions WHERE id = $1', [transcription.id]);
    expect(rows).toEqual([]);
    expect((await refusedTranscription(workspace, input)).extensions.code).toBe('NOT_FOUND');
    expect((await deleteTranscription(workspace, transcription.id)).errors).toBeUndefined();
  });
});

describe('whose it is', () => {
  it('a foreign id answers like a missing one', async () => {
    const other = await server.createWorkspace({ plan: 'scale' });
    const { transcription } = await transcribe(workspace);
    const missing = '01890000-0000-7000-8000-000000000000';
    for (const call of [findTranscription, deleteTranscription]) {
      const [foreign, nobody, odd]: GraphqlAnswer[] = await Promise.all(
        [transcription.id, missing, 'not an id'].map((id) => call(other, id)),
      );
      const shape = ({ errors }: GraphqlAnswer) =>
        errors!.map(({ message, extensions: { requestId: _, ...rest } }) => [message, rest]);
      expect(foreign!.code).toBe('NOT_FOUND');
      expect(shape(foreign!)).toEqual(shape(nobody!));
      expect(shape(foreign!)).toEqual(shape(odd!));
    }
    expect((await findTranscription(workspace, transcription.id)).data!.transcription!.text).toBe(SAID);
  });

  it('a speech is no transcription, nor the reverse', async () => {
    const { transcription } = await transcribe(workspace);
    const speech = await workspace.graphql('query ($id: ID!) { speech(id: $id) { id } }', { id: transcription.id });
    expect(speech.code).toBe('NOT_FOUND');
  });

  it('a client token sees its own alone, within its capabilities and its budget', async () => {
    const [one, another] = await Promise.all([tokenClient(server, workspace), tokenClient(server, workspace)]);
    const { transcription } = await transcribe(one);
    expect((await findTranscription(another, transcription.id)).code).toBe('NOT_FOUND');
    expect((await deleteTranscription(another, transcription.id)).code).toBe('NOT_FOUND');
    expect((await findTranscription(one, transcription.id)).data!.transcription!.text).toBe(SAID);
    expect((await findTranscription(workspace, transcription.id)).data!.transcription!.text).toBe(SAID);
    expect((await refusedTranscription(one, MINUTE)).extensions.code).toBe('CLIENT_TOKEN_LIMIT_REACHED');
    expect((await refusedTranscription(one, { ...SECOND, endUserId: 'x' })).extensions.field).toBe('endUserId');
    const speaker = await tokenClient(server, workspace, { capabilities: ['TEXT_TO_SPEECH'] });
    expect((await refusedTranscription(speaker, SECOND)).extensions.code).toBe('FORBIDDEN');
  });
});

it('texts are removed when their time is over, and are no secret of the log', async () => {
  const { transcription } = await transcribe(workspace);
  await server.database.query(`UPDATE transcriptions SET created_at = created_at - interval '31 days' WHERE id = $1`, [
    transcription.id,
  ]);
  await server.container.upkeep();
  expect((await findTranscription(workspace, transcription.id)).code).toBe('NOT_FOUND');
  expect(server.logged.join('\n')).not.toContain('Good morning');
});
