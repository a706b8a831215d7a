import { verifyLedger } from '../../src/ledger/verify';
import type { Gate } from '../support/provider-stub';
import { TestClock } from '../support/test-clock';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import {
  allEvents,
  eventsUntilChunks,
  gateSpeech,
  listen,
  newKey,
  refusalOf,
  SENTENCES,
  speechInput,
  until,
} from './support/speech-stream';
import { followUsage, nextUpdate, presentCursor, startBeside } from './support/usage-feed';

const SPEAK = `mutation Speak($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { replayed speech { id status audio { url } } usage { status credits } }
}`;
interface Spoken extends Record<string, unknown> {
  readonly synthesizeSpeech: {
    readonly replayed: boolean;
    readonly speech: { readonly id: string; readonly audio: { readonly url: string } };
    readonly usage: { readonly status: string; readonly credits: string } | null;
  };
}

/** What running operations have to finish. */
const DRAIN_MS = 30_000;
/** What a client has to answer that its socket is closed. */
const CLOSE_MS = 5_000;

describe('a server that is stopped', () => {
  let clock: TestClock;
  let server: TestServer;
  let client: TestWorkspace;
  let gate: Gate;

  beforeEach(async () => {
    clock = new TestClock();
    server = await startTestServer({ clock });
    client = await server.createWorkspace();
    gate = gateSpeech(server.stub);
  });
  afterEach(async () => {
    gate.open();
    expect((await server.data.database.database.transaction(verifyLedger)).findings).toEqual([]);
    await server.close();
  });

  const complete = (idempotencyKey = newKey()) =>
    client.graphql<Spoken>(SPEAK, { input: { provider: 'elevenlabs', text: SENTENCES, idempotencyKey } });
  /** Straight from the tables: nobody serves the queries any more. */
  const events = async () =>
    (
      await server.data.database.database.query<{ status: string; credits: string; error_code: string | null }>(
        'SELECT status, credits, error_code FROM usage_events WHERE workspace_id = $1 ORDER BY sequence',
        [client.workspaceId],
      )
    ).rows;
  const holds = async (): Promise<number> =>
    (await server.data.database.database.query('SELECT 1 FROM holds')).rowCount;

  it('finishes and settles what runs, delivers it, and begins nothing new', async () => {
    const key = newKey();
    const socket = await client.socket();
    const usage = followUsage(socket, await presentCursorUngated());
    const stream = listen(await client.socket(), speechInput());
    const whole = complete(key);
    const started = await client.data<Spoken>(SPEAK, {
      input: { provider: 'elevenlabs', text: SENTENCES, delivery: 'STREAM' },
    });
    gate.release(9);
    const heard = await eventsUntilChunks(stream, 1);
    await until(() => server.container.live.count === 3);
    const listener = server.anonymous.send(started.synthesizeSpeech.speech.audio.url);

    let stopped = false;
    const stopping = server.stop().then(() => {
      stopped = true;
    });
    const { calls } = server.stub;
    const ready = await server.anonymous.send('/readyz');
    expect(ready.status).toBe(503);
    expect(JSON.parse(ready.body.toString())).toMatchObject({ checks: { server: 'stopping' } });
    expect((await server.anonymous.send('/healthz')).status).toBe(200);
    for (const query of [
      '{ balance { remaining } }',
      'mutation { synthesizeSpeech(input: { text: "Hi." }) { replayed } }',
    ]) {
      const refused = await client.graphql(query);
      expect(refused).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
      expect(refused.data ?? null).toBeNull();
    }
    await expect(client.socket()).rejects.toThrow('1013');
    expect((await refusalOf(listen(socket, speechInput()))).extensions.code).toBe('UNAVAILABLE');
    const lateListener = server.anonymous.send(started.synthesizeSpeech.speech.audio.url);
    expect(stopped).toBe(false);
    expect(server.stub.calls).toBe(calls);

    gate.open();
    expect((await whole).data!.synthesizeSpeech.usage).toMatchObject({ status: 'SUCCEEDED' });
    const rest = await allEvents(stream);
    expect(rest.at(-1)!.usage).toMatchObject({ status: 'SUCCEEDED' });
    expect([...heard, ...rest].map(({ sequence }) => sequence)).toEqual(
      [...heard, ...rest].map((_event, index) => index),
    );
    const [early, late] = await Promise.all([listener, lateListener]);
    expect(early.status).toBe(200);
    expect(late.body.equals(early.body)).toBe(true);
    for (let count = 0; count < 3; count++) expect((await nextUpdate(usage)).usage.status).toBe('SUCCEEDED');
    expect(await socket.closed).toEqual({ code: 1013, reason: 'Going away' });
    await stopping;
    expect((await events()).map(({ status }) => status)).toEqual(
      expect.arrayContaining(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED']),
    );
    expect(await holds()).toBe(0);

    const next = await startBeside(server);
    try {
      const again = await next.anonymous.as(client.key).data<Spoken>(SPEAK, {
        input: { provider: 'elevenlabs', text: SENTENCES, idempotencyKey: key },
      });
      expect(again.synthesizeSpeech).toMatchObject({
        replayed: true,
        speech: { id: (await whole).data!.synthesizeSpeech.speech.id },
      });
      const audio = await next.anonymous.send(again.synthesizeSpeech.speech.audio.url);
      expect(audio.body.equals(early.body)).toBe(true);
    } finally {
      await next.close();
    }
  });

  it('ends what hangs when its time is over, at no cost, and tells who waits', async () => {
    const stream = listen(await client.socket(), speechInput());
    gate.release(3);
    await eventsUntilChunks(stream, 1);
    const whole = complete();
    await until(() => server.container.live.count === 2);
    const stopping = server.stop();
    clock.advance(DRAIN_MS - 1);
    expect(server.container.live.all().map(({ endReason }) => endReason)).toEqual([null, null]);
    clock.advance(1);
    await until(() => server.container.live.all().every(({ endReason }) => endReason === 'STOPPING'));
    expect(await whole).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
    const { results, end } = await stream.rest();
    expect(results.at(-1)!.errors![0]!.extensions).toMatchObject({ code: 'UNAVAILABLE' });
    expect(end.type).toBe('complete');
    await stopping;
    expect(await events()).toEqual([
      { status: 'FAILED', credits: '0', error_code: 'UNAVAILABLE' },
      { status: 'FAILED', credits: '0', error_code: 'UNAVAILABLE' },
    ]);
    expect(await holds()).toBe(0);
  });

  it('waits for a client that does not answer, but not for ever', async () => {
    const deaf = await client.socket();
    const polite = await client.socket();
    deaf.pause();
    let stopped = false;
    const stopping = server.stop().then(() => {
      stopped = true;
    });
    expect((await polite.closed).code).toBe(1013);
    expect(stopped).toBe(false);
    clock.advance(CLOSE_MS);
    await stopping;
  });

  it('is gone at once when nothing runs, however often it is asked', async () => {
    await client.data('{ balance { remaining } }');
    await Promise.all([server.stop(), server.stop()]);
    await expect(client.data('{ balance { remaining } }')).rejects.toThrow(/ECONNREFUSED|other side closed/);
  });

  /** The gate is shut already, and what settles for the cursor must pass. */
  async function presentCursorUngated(): Promise<string> {
    server.stub.fault(null);
    const cursor = await presentCursor(client);
    gate = gateSpeech(server.stub);
    return cursor;
  }
});
