import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import {
  allEvents,
  allSettled,
  bytesOf,
  eventsUntilChunks,
  faultSpeech,
  gateSpeech,
  listen,
  newKey,
  nextEvent,
  refusalOf,
  SENTENCES_CHARACTERS,
  type SpeechEvent,
  speechInput,
  usageEventsOf,
} from './support/speech-stream';

describe('speechStream', () => {
  let server: TestServer;
  let client: TestWorkspace;

  beforeAll(async () => {
    server = await startTestServer();
  });
  beforeEach(async () => {
    server.stub.fault(null);
    client = await server.createWorkspace();
  });
  afterAll(() => server?.close());

  const chunksOf = (events: readonly SpeechEvent[]): SpeechEvent[] =>
    events.filter(({ __typename }) => __typename === 'SpeechChunk');
  const sequencesOf = (events: readonly SpeechEvent[]): number[] => events.map(({ sequence }) => sequence);
  const counting = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index);

  describe('the order of events', () => {
    it.each([
      { provider: 'elevenlabs', format: 'MP3', contentType: 'audio/mpeg', sampleRate: 44_100 },
      { provider: 'elevenlabs', format: 'PCM', contentType: 'audio/pcm', sampleRate: 24_000 },
      { provider: 'elevenlabs', format: 'OGG_OPUS', contentType: 'audio/ogg', sampleRate: 48_000 },
      { provider: 'elevenlabs', format: 'MULAW', contentType: 'audio/basic', sampleRate: 8_000 },
      { provider: 'kokoro', format: 'FLAC', contentType: 'audio/flac', sampleRate: 24_000, header: 42 },
      { provider: 'local', format: 'WAV', contentType: 'audio/wav', sampleRate: 16_000, header: 44 },
    ])('numbers $format of $provider from its start to what it cost, and the bytes are the file', async (speech) => {
      // A header that says how long the audio is can be right in the file alone.
      const { provider, format, header = 0 } = speech;
      const text = provider === 'local' ? 'Hello there, how are you?' : undefined;
      const socket = await client.socket();
      const events = await allEvents(listen(socket, speechInput({ provider, format, ...(text && { text }) })));

      const last = events.at(-1)!;
      expect(sequencesOf(events)).toEqual(counting(0, events.length - 1));
      expect(events.map(({ __typename }) => __typename)).toEqual([
        'SpeechStarted',
        ...events.slice(1, -1).map(() => 'SpeechChunk'),
        'SpeechCompleted',
      ]);
      expect(events.length).toBeGreaterThan(2);
      expect(events[0]).toMatchObject({
        contentType: speech.contentType,
        format,
        sampleRate: speech.sampleRate,
        channels: 1,
        speech: { id: last.speech!.id, status: 'GENERATING', usage: null },
      });
      for (const chunk of chunksOf(events)) expect(chunk).toMatchObject({ contentType: speech.contentType });
      expect(last).toMatchObject({
        speech: { status: 'COMPLETED', audio: { durationSeconds: last.usage!.audioMilliseconds / 1000 } },
        usage: { id: last.speech!.id, status: 'SUCCEEDED', requests: 1 },
      });
      const stored = (await server.anonymous.send(last.speech!.audio!.url)).body;
      expect(stored.length).toBe(last.speech!.audio!.sizeBytes);
      const heard = bytesOf(events);
      expect(heard.length).toBe(stored.length);
      expect(heard.subarray(header).equals(stored.subarray(header))).toBe(true);
      expect(await usageEventsOf(client)).toMatchObject([{ id: last.usage!.id, status: 'SUCCEEDED' }]);
    });

    it('sends a WAV whose length is not known yet under a header that is corrected in the file alone', async () => {
      const socket = await client.socket();
      const events = await allEvents(listen(socket, speechInput({ provider: 'kokoro', format: 'WAV' })));
      const { url } = events.at(-1)!.speech!.audio!;
      const stored = (await server.anonymous.send(url)).body;
      const heard = bytesOf(events);
      expect(heard.length).toBe(stored.length);
      expect(heard.subarray(44).equals(stored.subarray(44))).toBe(true);
      expect(stored.readUInt32LE(4)).toBe(stored.length - 8);
      expect(stored.readUInt32LE(40)).toBe(stored.length - 44);
      for (const sizes of [4, 40]) stored.copy(heard, sizes, sizes, sizes + 4);
      expect(heard.equals(stored)).toBe(true);
    });

    it('hands on what has come while the provider still speaks', async () => {
      const gate = gateSpeech(server.stub);
      const socket = await client.socket();
      const subscription = listen(socket, speechInput());
      gate.release(2);
      const events = await eventsUntilChunks(subscription, 1);
      expect(sequencesOf(events)).toEqual([0, 1]);
      expect(server.container.live.count).toBe(1);
      gate.open();
      const rest = await allEvents(subscription);
      expect(rest.at(-1)).toMatchObject({ __typename: 'SpeechCompleted', usage: { status: 'SUCCEEDED' } });
    });
  });

  describe('an idempotency key', () => {
    it('is required, and nothing is begun without one', async () => {
      const calls = server.stub.calls;
      const socket = await client.socket();
      const error = await refusalOf(listen(socket, speechInput({ idempotencyKey: undefined })));
      expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'idempotencyKey' });
      expect(server.stub.calls).toBe(calls);
    });

    it('joins the speech that runs behind the chunk last seen, and repeats none', async () => {
      const gate = gateSpeech(server.stub);
      const calls = server.stub.calls;
      const input = speechInput();
      const first = listen(await client.socket(), input);
      gate.release(6);
      const heard = await eventsUntilChunks(first, 4);
      const second = listen(await client.socket(), input, 2);
      expect(await nextEvent(second)).toEqual(heard[3]);
      const third = listen(await client.socket(), input, 0);
      expect(await nextEvent(third)).toEqual(heard[1]);
      gate.open();
      const [rest, joined, joinedAtOnce] = await Promise.all([first, second, third].map(allEvents));
      const whole = [...heard, ...rest!];
      expect(sequencesOf(whole)).toEqual(counting(0, whole.length - 1));
      expect([heard[3], ...joined!]).toEqual(whole.slice(3));
      expect([heard[1], ...joinedAtOnce!]).toEqual(whole.slice(1));
      expect(server.stub.calls).toBe(calls + 1);
      expect(await usageEventsOf(client)).toHaveLength(1);
    });

    it('begins one speech for any number of subscribers, on one socket or several', async () => {
      const calls = server.stub.calls;
      const input = speechInput();
      const sockets = await Promise.all([client.socket(), client.socket(), client.socket()]);
      const subscriptions = counting(0, 8).map((index) => listen(sockets[index % 3]!, input));
      const all = await Promise.all(subscriptions.map(allEvents));
      // The addresses of the audio are signed anew for each.
      const comparable = (events: readonly SpeechEvent[]) =>
        events.map(({ sequence, audioBase64, usage }) => ({ sequence, audioBase64, usage }));
      for (const events of all) expect(comparable(events)).toEqual(comparable(all[0]!));
      expect(sequencesOf(all[0]!)).toEqual(counting(0, all[0]!.length - 1));
      expect(server.stub.calls).toBe(calls + 1);
      expect(await usageEventsOf(client)).toHaveLength(1);
    });

    it('with another input is a conflict, while the speech runs and afterwards', async () => {
      const gate = gateSpeech(server.stub);
      const calls = server.stub.calls;
      const input = speechInput();
      const socket = await client.socket();
      const first = listen(socket, input);
      await nextEvent(first);
      expect((await refusalOf(listen(socket, { ...input, text: 'Something else.' }))).extensions.code).toBe('CONFLICT');
      gate.open();
      await allEvents(first);
      expect((await refusalOf(listen(socket, { ...input, speed: 1.1 }))).extensions.code).toBe('CONFLICT');
      expect(server.stub.calls).toBe(calls + 1);
    });

    it('is not shared with another workspace, nor with synthesizeSpeech', async () => {
      const input = speechInput();
      const calls = server.stub.calls;
      const other = await server.createWorkspace();
      const [ours, theirs] = await Promise.all(
        [client, other].map(async (workspace) => allEvents(listen(await workspace.socket(), input))),
      );
      expect(ours!.at(-1)!.usage!.id).not.toBe(theirs!.at(-1)!.usage!.id);
      await client.data(
        'mutation ($input: SynthesizeSpeechInput!) { synthesizeSpeech(input: $input) { usage { id } } }',
        { input },
      );
      expect(server.stub.calls).toBe(calls + 3);
    });

    it('replays a finished speech under the same numbers, from wherever the listener was', async () => {
      const input = speechInput();
      const socket = await client.socket();
      const once = await allEvents(listen(socket, input));
      const calls = server.stub.calls;
      const n = once.length - 2;
      expect(n).toBeGreaterThan(3);
      const again = await allEvents(listen(socket, input));
      expect(chunksOf(again)).toEqual(chunksOf(once));
      expect(again.at(-1)!.usage).toEqual(once.at(-1)!.usage);
      for (const after of [0, 1, n - 1, n, n + 1]) {
        expect(sequencesOf(await allEvents(listen(socket, input, after)))).toEqual(counting(after + 1, n + 1));
      }
      expect(server.stub.calls).toBe(calls);
      expect(await usageEventsOf(client)).toHaveLength(1);
    });

    it('refuses a place before the start', async () => {
      const calls = server.stub.calls;
      const error = await refusalOf(listen(await client.socket(), speechInput(), -1));
      expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'after' });
      expect(server.stub.calls).toBe(calls);
    });

    it('of a speech that was broken off answers ABORTED with what it used, and runs nothing', async () => {
      const gate = gateSpeech(server.stub);
      const input = speechInput();
      const socket = await client.socket();
      const first = listen(socket, input);
      gate.release(3);
      await eventsUntilChunks(first, 1);
      first.leave();
      await allSettled(server);
      const calls = server.stub.calls;
      const [event] = await usageEventsOf(client);
      expect(event).toMatchObject({ status: 'ABORTED', characters: SENTENCES_CHARACTERS });
      for (const after of [undefined, 1]) {
        const { extensions } = await refusalOf(listen(socket, input, after));
        expect(extensions).toMatchObject({
          code: 'ABORTED',
          usage: { id: event!.id, status: 'ABORTED', credits: event!.credits, characters: event!.characters },
        });
      }
      expect(server.stub.calls).toBe(calls);
      expect(await usageEventsOf(client)).toHaveLength(1);
    });
  });

  describe('a refusal', () => {
    it.each([
      ['an empty text', { text: '  ' }, 'BAD_USER_INPUT'],
      ['a provider that is not there', { provider: 'nobody' }, 'BAD_USER_INPUT'],
      ['a format that the provider has not', { format: 'FLAC' }, 'UNSUPPORTED'],
      ['a price above maxCredits', { maxCredits: '0.001' }, 'MAX_CREDITS_EXCEEDED'],
      ['a malformed maxCredits', { maxCredits: '1e3' }, 'BAD_USER_INPUT'],
    ])('of %s at the start is an error of the protocol, and the socket lives', async (_what, changes, code) => {
      const calls = server.stub.calls;
      const socket = await client.socket();
      const { extensions } = await refusalOf(listen(socket, speechInput(changes)));
      expect(extensions).toMatchObject({ code, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
      expect(server.stub.calls).toBe(calls);
      const events = await allEvents(listen(socket, speechInput()));
      expect(events.at(-1)!.__typename).toBe('SpeechCompleted');
    });

    it('for want of credits names what is needed and what there is', async () => {
      const poor = await server.createWorkspace({ plan: 'free' });
      const calls = server.stub.calls;
      const text = 'a'.repeat(20_000);
      const { extensions } = await refusalOf(listen(await poor.socket(), speechInput({ text })));
      expect(extensions).toMatchObject({ code: 'INSUFFICIENT_CREDITS', required: '3320', available: '2500' });
      expect(server.stub.calls).toBe(calls);
      expect(await usageEventsOf(poor)).toEqual([]);
    });
  });

  describe('a speech that breaks after its start', () => {
    it('ends its subscription with errors, costs nothing, and the key runs again on the same socket', async () => {
      faultSpeech(server.stub, { kind: 'cut-mid-body' });
      const input = speechInput();
      const socket = await client.socket();
      const { results, end } = await listen(socket, input).rest();
      expect(end.type).toBe('complete');
      const broken = results.at(-1)!;
      expect(broken.data ?? null).toBeNull();
      expect(broken.errors).toMatchObject([
        {
          path: ['speechStream'],
          extensions: { code: 'PROVIDER_UNAVAILABLE', provider: 'elevenlabs', retryable: true },
        },
      ]);
      expect(broken.errors![0]!.extensions.requestId).toBe(broken.extensions!.requestId);
      expect(results[0]!.data!.speechStream.__typename).toBe('SpeechStarted');
      expect(results.length).toBeGreaterThan(2);
      expect(await usageEventsOf(client)).toMatchObject([
        { status: 'FAILED', credits: '0', errorCode: 'PROVIDER_UNAVAILABLE' },
      ]);

      server.stub.fault(null);
      const events = await allEvents(listen(socket, input));
      expect(sequencesOf(events)).toEqual(counting(0, events.length - 1));
      expect(await usageEventsOf(client)).toMatchObject([{ status: 'SUCCEEDED' }, { status: 'FAILED' }]);
    });

    it.each([
      [
        'a provider that refuses',
        { kind: 'answer', status: 400, body: { detail: 'no' } } as const,
        'PROVIDER_REJECTED',
      ],
      ['bytes that are no audio', { kind: 'malformed' } as const, 'PROVIDER_REJECTED'],
    ])('tells of %s', async (_what, fault, code) => {
      faultSpeech(server.stub, fault);
      const { results, end } = await listen(await client.socket(), speechInput()).rest();
      expect(end.type).toBe('complete');
      expect(results.at(-1)!.errors![0]!.extensions.code).toBe(code);
      expect(await usageEventsOf(client)).toMatchObject([{ status: 'FAILED', credits: '0', errorCode: code }]);
    });

    it('by cancelSpeech tells every listener what was charged', async () => {
      const gate = gateSpeech(server.stub);
      const input = speechInput();
      const sockets = await Promise.all([client.socket(), client.socket()]);
      const subscriptions = sockets.map((socket) => listen(socket, input));
      gate.release(3);
      const [events] = await Promise.all(subscriptions.map((subscription) => eventsUntilChunks(subscription, 1)));
      const { cancelSpeech } = await client.data<{ cancelSpeech: { usage: { credits: string } } }>(
        'mutation ($id: ID!) { cancelSpeech(input: { id: $id }) { usage { status credits } } }',
        { id: events![0]!.speech!.id },
      );
      for (const subscription of subscriptions) {
        const { results, end } = await subscription.rest();
        expect(end.type).toBe('complete');
        expect(results.at(-1)!.errors![0]!.extensions).toMatchObject({
          code: 'ABORTED',
          usage: { status: 'ABORTED', credits: cancelSpeech.usage.credits, characters: SENTENCES_CHARACTERS },
        });
      }
      expect(await usageEventsOf(client)).toHaveLength(1);
    });
  });

  it('replays a speech whose audio was deleted as RESUME_EXPIRED, and charges nothing', async () => {
    const input = speechInput({ idempotencyKey: newKey() });
    const socket = await client.socket();
    const events = await allEvents(listen(socket, input));
    const { id } = events.at(-1)!.speech!;
    await client.data('mutation ($id: ID!) { deleteSpeech(input: { id: $id }) { deletedId } }', { id });
    expect((await refusalOf(listen(socket, input))).extensions.code).toBe('RESUME_EXPIRED');
    expect(await usageEventsOf(client)).toHaveLength(1);
    expect((await server.verifyLedger()).findings).toEqual([]);
  });
});
