import { moveClock } from '../support/database';
import { Gate, type StubFault } from '../support/provider-stub';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { listen } from './support/listener';
import {
  cancelSpeech,
  HELLO,
  HELLO_CREDITS,
  onlyError,
  refusalOf,
  settledSpeech,
  speak,
  standing,
  synthesize,
} from './support/speech-api';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ storm: true });
  workspace = server.client;
  await server.grant(workspace.workspaceId, '1000');
  await speak(workspace, HELLO);
});
beforeEach(() => server.stub.fault(null));
afterAll(() => server?.close());

let keys = 0;
const newKey = (): string => `key-${++keys}`;

/** Runs `work` and answers what it changed: events, calls, and micro-credits that were spent. */
async function changes(of: TestWorkspace, work: () => Promise<unknown>) {
  const before = await standing(server, of);
  await work();
  const after = await standing(server, of);
  expect(after).toMatchObject({ held: '0', holds: '0' });
  return {
    events: Number(after.events) - Number(before.events),
    calls: Number(after.calls) - Number(before.calls),
    spent: (Number(before.spendable) - Number(after.spendable)) / 1_000_000,
  };
}
const ONCE = { events: 1, calls: 1, spent: Number(HELLO_CREDITS) };
const NOTHING = { events: 0, calls: 0, spent: 0 };

describe('the same key with the same input', () => {
  it('50 at once run once: one id, one charge, and 49 that say that they replay', async () => {
    const input = { ...HELLO, idempotencyKey: newKey() };
    let answers: Awaited<ReturnType<typeof speak>>[] = [];
    const changed = await changes(workspace, async () => {
      answers = await Promise.all(Array.from({ length: 50 }, () => speak(workspace, input)));
    });
    expect(changed).toEqual(ONCE);
    expect(new Set(answers.map(({ speech }) => speech.id)).size).toBe(1);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    for (const { speech, usage } of answers) {
      expect(speech).toMatchObject({ status: 'COMPLETED', audio: { sizeBytes: expect.any(Number) } });
      expect(usage).toMatchObject({ id: speech.id, credits: HELLO_CREDITS });
    }
  });

  it('waits for the one that runs', async () => {
    const gate = new Gate();
    server.stub.fault(() => ({ kind: 'gated', gate }));
    const input = { ...HELLO, idempotencyKey: newKey() };
    const { calls } = server.stub;
    const first = speak(workspace, input);
    await server.stub.when((stub) => stub.calls > calls);
    const second = speak(workspace, input);
    gate.open();
    const [one, other] = await Promise.all([first, second]);
    expect([one.replayed, other.replayed]).toEqual([false, true]);
    expect(other.speech.id).toBe(one.speech.id);
    expect(server.stub.calls).toBe(calls + 1);
  });

  it('answers the first result again, with an address that works', async () => {
    const input = { ...HELLO, idempotencyKey: newKey() };
    const first = await speak(workspace, input);
    let again: typeof first | undefined;
    expect(
      await changes(workspace, async () => {
        again = await speak(workspace, input);
      }),
    ).toEqual(NOTHING);
    expect(again).toMatchObject({ replayed: true, speech: { id: first.speech.id }, usage: first.usage });
    const [one, other] = await Promise.all([listen(first.speech.audio!.url), listen(again!.speech.audio!.url)]);
    expect((await other.all()).equals(await one.all())).toBe(true);
  });

  it('with STREAM joins the one that runs and answers the finished one, charged once', async () => {
    const gate = new Gate();
    server.stub.fault(() => ({ kind: 'gated', gate }));
    const input = { ...HELLO, delivery: 'STREAM', idempotencyKey: newKey() };
    const changed = await changes(workspace, async () => {
      const first = await speak(workspace, input);
      const joined = await speak(workspace, input);
      expect(joined).toMatchObject({
        replayed: true,
        usage: null,
        speech: { id: first.speech.id, status: 'GENERATING' },
      });
      gate.open();
      await settledSpeech(server, workspace, first.speech.id);
      expect(await speak(workspace, input)).toMatchObject({
        replayed: true,
        speech: { id: first.speech.id, status: 'COMPLETED' },
        usage: { credits: HELLO_CREDITS },
      });
    });
    expect(changed).toEqual(ONCE);
  });

  it('is one key for all keys and tokens of the workspace, and of this workspace alone', async () => {
    const { createApiKey } = await workspace.data<{ createApiKey: { secret: string } }>(
      'mutation { createApiKey(input: { name: "Other" }) { secret } }',
    );
    const input = { ...HELLO, idempotencyKey: newKey() };
    const first = await speak(workspace, input);
    const sameWorkspace = await speak(server.anonymous.as(createApiKey.secret), input);
    expect(sameWorkspace).toMatchObject({ replayed: true, speech: { id: first.speech.id } });
    const stranger = await server.createWorkspace({ credits: '10' });
    const theirs = await speak(stranger, input);
    expect(theirs.replayed).toBe(false);
    expect(theirs.speech.id).not.toBe(first.speech.id);
  });

  it('means the same input however it is written', async () => {
    const idempotencyKey = newKey();
    const first = await speak(workspace, { ...HELLO, idempotencyKey, metadata: { a: '1', b: '2' }, maxCredits: '5' });
    for (const same of [
      { idempotencyKey, text: ` ${HELLO.text}\n`, provider: 'elevenlabs', metadata: { b: '2', a: '1' }, maxCredits: 5 },
      {
        idempotencyKey,
        ...HELLO,
        metadata: { a: '1', b: '2' },
        maxCredits: '5.0',
        delivery: 'COMPLETE',
        textType: 'TEXT',
        speed: 1,
        style: null,
      },
    ]) {
      expect(await speak(workspace, same)).toMatchObject({ replayed: true, speech: { id: first.speech.id } });
    }
  });

  it('runs again after 24 hours', async () => {
    const input = { ...HELLO, idempotencyKey: newKey() };
    const { speech } = await speak(workspace, input);
    const hour = 3_600_000;
    await moveClock(server.database, 23.9 * hour);
    try {
      expect(await speak(workspace, input)).toMatchObject({ replayed: true, speech: { id: speech.id } });
      await moveClock(server.database, 0.2 * hour);
      expect((await speak(workspace, input)).replayed).toBe(false);
    } finally {
      await moveClock(server.database, -24.1 * hour);
    }
  });
});

describe('the same key with another input is a CONFLICT', () => {
  it.each<[string, Record<string, unknown>]>([
    ['another text', { text: 'Something else.' }],
    ['another provider', { provider: 'kokoro' }],
    ['another model', { model: 'eleven_flash_v2_5' }],
    ['another voice', { voice: 'pNInz6obpgDQGcFmaJgB' }],
    ['another format', { format: 'PCM' }],
    ['another speed', { speed: 1.1 }],
    ['another delivery', { delivery: 'STREAM' }],
    ['another end user', { endUserId: 'somebody' }],
    ['other metadata', { metadata: { a: 'b' } }],
    ['another most that it may cost', { maxCredits: '100' }],
  ])('%s', async (_name, change) => {
    const input = { ...HELLO, idempotencyKey: newKey() };
    await speak(workspace, input);
    expect(
      await changes(workspace, async () => {
        const error = await refusalOf(workspace, { ...input, ...change });
        expect(error.extensions.code).toBe('CONFLICT');
        expect(error.message).toContain('new key');
      }),
    ).toEqual(NOTHING);
  });

  it('while the first one still runs, as well', async () => {
    const gate = new Gate();
    server.stub.fault(() => ({ kind: 'gated', gate }));
    const input = { ...HELLO, idempotencyKey: newKey() };
    const { calls } = server.stub;
    const first = speak(workspace, input);
    await server.stub.when((stub) => stub.calls > calls);
    expect((await refusalOf(workspace, { ...input, text: 'Else.' })).extensions.code).toBe('CONFLICT');
    gate.open();
    await first;
  });

  it('an own key, and another own key, are another input; the same own key replays', async () => {
    const own = (key: string) => ({ 'x-provider-key-elevenlabs': key });
    const input = { ...HELLO, idempotencyKey: newKey() };
    await speak(workspace, input);
    expect((await refusalOf(workspace, input, own('own-key-1'))).extensions.code).toBe('CONFLICT');

    const byok = { ...HELLO, idempotencyKey: newKey() };
    const first = await speak(workspace, byok, own('own-key-1'));
    expect(await speak(workspace, byok, own('own-key-1'))).toMatchObject({
      replayed: true,
      speech: { id: first.speech.id },
    });
    expect((await refusalOf(workspace, byok, own('own-key-2'))).extensions.code).toBe('CONFLICT');
    expect((await refusalOf(workspace, byok)).extensions.code).toBe('CONFLICT');
  });
});

describe('the same key after an operation that did not succeed', () => {
  it('that failed: it runs again, and is charged when it succeeds', async () => {
    const faults: (StubFault | undefined)[] = [{ kind: 'answer', status: 422 }, undefined];
    server.stub.fault(() => faults.shift());
    const input = { ...HELLO, idempotencyKey: newKey() };
    let again: Awaited<ReturnType<typeof speak>> | undefined;
    const changed = await changes(workspace, async () => {
      expect((await refusalOf(workspace, input)).extensions.code).toBe('PROVIDER_REJECTED');
      again = await speak(workspace, input);
    });
    expect(changed).toEqual({ ...ONCE, events: 2, calls: 2 });
    expect(again).toMatchObject({ replayed: false, usage: { credits: HELLO_CREDITS } });
    expect((await speak(workspace, input)).speech.id).toBe(again!.speech.id);
  });

  it('that failed, with another input: still a CONFLICT or a new run, but never the first input again', async () => {
    server.stub.fault(() => ({ kind: 'answer', status: 422 }));
    const input = { ...HELLO, idempotencyKey: newKey() };
    await refusalOf(workspace, input);
    server.stub.fault(null);
    const answer = await synthesize(workspace, { ...input, text: 'Else.' });
    if (answer.errors) expect(answer.code).toBe('CONFLICT');
    else expect(server.stub.requests.at(-1)!.json).toMatchObject({ text: 'Else.' });
  });

  it('that was refused: it runs once there is enough', async () => {
    const poor = await server.createWorkspace({ credits: '1' });
    const input = { ...HELLO, idempotencyKey: newKey() };
    expect((await refusalOf(poor, input)).extensions.code).toBe('INSUFFICIENT_CREDITS');
    await server.grant(poor.workspaceId, '1');
    expect(await speak(poor, input)).toMatchObject({ replayed: false, usage: { credits: HELLO_CREDITS } });
  });

  it('that was cancelled before anything was heard: it runs again', async () => {
    server.stub.fault(() => ({ kind: 'stall-before-headers' }));
    const input = { ...HELLO, delivery: 'STREAM', idempotencyKey: newKey() };
    const { speech } = await speak(workspace, input);
    expect((await cancelSpeech(workspace, speech.id)).usage).toMatchObject({ status: 'ABORTED', credits: '0' });
    server.stub.fault(null);
    const again = await speak(workspace, input);
    expect(again.replayed).toBe(false);
    expect(again.speech.id).not.toBe(speech.id);
    expect(await settledSpeech(server, workspace, again.speech.id)).toMatchObject({ status: 'COMPLETED' });
  });

  it('that was cancelled after some of it was heard and charged: ABORTED, and nothing runs', async () => {
    server.stub.fault(() => ({ kind: 'stall-mid-body' }));
    const input = { ...HELLO, text: HELLO.text.repeat(20), delivery: 'STREAM', idempotencyKey: newKey() };
    const { speech } = await speak(workspace, input);
    await (await listen(speech.audio!.url)).hear(4_096);
    const { usage } = await cancelSpeech(workspace, speech.id);
    expect(Number(usage!.credits)).toBeGreaterThan(0);
    server.stub.fault(null);
    expect(
      await changes(workspace, async () => {
        const error = onlyError(await synthesize(workspace, input));
        expect(error.extensions).toMatchObject({ code: 'ABORTED', usage: { id: speech.id, status: 'ABORTED' } });
      }),
    ).toEqual(NOTHING);
  });

  it('whose audio was deleted: the first result, without audio and without a charge', async () => {
    const input = { ...HELLO, idempotencyKey: newKey() };
    const { speech } = await speak(workspace, input);
    await workspace.data('mutation ($id: ID!) { deleteSpeech(input: { id: $id }) { deletedId } }', { id: speech.id });
    expect(
      await changes(workspace, async () => {
        expect(await speak(workspace, input)).toMatchObject({ replayed: true, speech: { id: speech.id, audio: null } });
      }),
    ).toEqual(NOTHING);
  });
});

it('keys are told apart to the letter, and hold anything that is printable', async () => {
  const [first, ...others] = await Promise.all(
    ['k', 'K', ' k', 'k ', 'ķ', 'k'.repeat(255), `'"; DROP`, '🔑'].map((idempotencyKey) =>
      speak(workspace, { ...HELLO, idempotencyKey }),
    ),
  );
  expect(new Set([first, ...others].map((answer) => answer!.speech.id)).size).toBe(8);
});

it('the ledger is clean after all of it', async () => {
  expect(await server.verifyLedger()).toMatchObject({ findings: [], openHolds: 0 });
});
