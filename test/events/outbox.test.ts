import fc from 'fast-check';
import { decodeEnvelope, encodeEnvelope, encodeMessage } from '../../src/events/envelope';
import { type BusMessage, EVENT_CHANNELS, type EventChannel } from '../../src/events/event-bus';
import { Outbox } from '../../src/events/outbox';
import { ManualClock } from './support/manual-clock';
import { Queue } from './support/queue';
import { recordedLog } from './support/recorded-log';

interface Sent {
  readonly payload: string;
  readonly succeed: () => void;
  readonly fail: () => void;
}

function setUp(payloadBytesMost = 7_900) {
  const clock = new ManualClock();
  const log = recordedLog();
  const sent = new Queue<Sent>();
  const outbox = new Outbox({
    processId: 'a',
    payloadBytesMost,
    clock,
    log,
    send: (payload) =>
      new Promise((resolve, reject) => sent.push({ payload, succeed: resolve, fail: () => reject(new Error('down')) })),
  });
  return { clock, log, sent, outbox };
}

const messagesOf = (sent: Sent) => decodeEnvelope(sent.payload)!.messages;

describe('Outbox', () => {
  test('idle, it sends what one turn published in one payload; meanwhile the rest gathers for the next', async () => {
    const { outbox, sent } = setUp();
    outbox.add('balance', { n: 1 });
    outbox.add('cancel', { n: 2 });
    const first = await sent.next();
    expect(messagesOf(first)).toEqual([
      ['balance', { n: 1 }],
      ['cancel', { n: 2 }],
    ]);
    outbox.add('balance', { n: 3 });
    await Promise.resolve();
    outbox.add('balance', { n: 4 });
    await new Promise(setImmediate);
    expect(sent.untaken).toHaveLength(0);
    first.succeed();
    expect(messagesOf(await sent.next()).map(([, message]) => message.n)).toEqual([3, 4]);
  });

  const usage = (workspaceId: string, sequence: number | string) => ({ workspaceId, sequence });
  test.each<[string, [EventChannel, BusMessage][], [EventChannel, BusMessage][]]>([
    [
      'usage of one workspace becomes the highest sequence',
      [
        ['usage', usage('w', '9')],
        ['usage', usage('w', '11')],
        ['usage', usage('w', '10')],
      ],
      [['usage', usage('w', '11')]],
    ],
    [
      'beyond what a double can tell apart',
      [
        ['usage', usage('w', '9007199254740993')],
        ['usage', usage('w', '9007199254740992')],
      ],
      [['usage', usage('w', '9007199254740993')]],
    ],
    [
      'usage of two workspaces stays two',
      [
        ['usage', usage('v', 2)],
        ['usage', usage('w', 1)],
      ],
      [
        ['usage', usage('v', 2)],
        ['usage', usage('w', 1)],
      ],
    ],
    [
      'other channels are not merged by workspace',
      [
        ['balance', usage('w', 1)],
        ['balance', usage('w', 2)],
      ],
      [
        ['balance', usage('w', 1)],
        ['balance', usage('w', 2)],
      ],
    ],
    [
      'usage without a sequence is not merged',
      [
        ['usage', { workspaceId: 'w', a: 1 }],
        ['usage', { workspaceId: 'w', a: 2 }],
      ],
      [
        ['usage', { workspaceId: 'w', a: 1 }],
        ['usage', { workspaceId: 'w', a: 2 }],
      ],
    ],
    [
      'what waits already is not sent twice',
      [
        ['revocation', { apiKeyId: 'k' }],
        ['revocation', { apiKeyId: 'k' }],
        ['cancel', { apiKeyId: 'k' }],
      ],
      [
        ['revocation', { apiKeyId: 'k' }],
        ['cancel', { apiKeyId: 'k' }],
      ],
    ],
  ])('%s', async (_name, published, expected) => {
    const { outbox, sent } = setUp();
    for (const [channel, message] of published) outbox.add(channel, message);
    expect(messagesOf(await sent.next())).toEqual(expected);
  });

  test('a message published again while it is under way is sent again', async () => {
    const { outbox, sent } = setUp();
    outbox.add('balance', { workspaceId: 'w' });
    const first = await sent.next();
    outbox.add('balance', { workspaceId: 'w' });
    first.succeed();
    expect(messagesOf(await sent.next())).toEqual([['balance', { workspaceId: 'w' }]]);
  });

  test('a payload that fails is sent again after a pause, before what came later, without older usage', async () => {
    const { outbox, sent, clock, log } = setUp();
    outbox.add('revocation', { apiKeyId: 'k' });
    outbox.add('usage', usage('w', 5));
    const first = await sent.next();
    outbox.add('balance', { n: 1 });
    outbox.add('usage', usage('w', 6));
    first.fail();
    await new Promise(setImmediate);
    expect(sent.untaken).toHaveLength(0);
    clock.advance(100);
    expect(messagesOf(await sent.next())).toEqual([
      ['revocation', { apiKeyId: 'k' }],
      ['usage', usage('w', 6)],
      ['balance', { n: 1 }],
    ]);
    expect(log.messages).toEqual(['events could not be sent to the other processes']);
  });

  test('a payload that never ends counts as failed after 10 s', async () => {
    const { outbox, sent, clock } = setUp();
    outbox.add('balance', { n: 1 });
    await sent.next();
    clock.advance(10_000);
    await new Promise(setImmediate);
    clock.advance(100);
    expect(messagesOf(await sent.next())).toEqual([['balance', { n: 1 }]]);
  });

  test('over 10,000 waiting messages the oldest are given up and a gap is declared until it was sent', async () => {
    const { outbox, sent, clock, log } = setUp(1_000_000);
    outbox.add('balance', { n: -1 });
    const first = await sent.next();
    for (let n = 0; n < 10_005; n += 1) outbox.add('balance', { n });
    expect(log.messages).toEqual(['too many events wait to be sent; the oldest are given up']);
    first.succeed();
    const second = await sent.next();
    const envelope = decodeEnvelope(second.payload)!;
    expect(envelope.gap).toBe(true);
    expect(envelope.messages[0]).toEqual(['balance', { n: 5 }]);
    expect(envelope.messages).toHaveLength(10_000);
    second.fail();
    await new Promise(setImmediate);
    clock.advance(100);
    const third = await sent.next();
    expect(decodeEnvelope(third.payload)!.gap).toBe(true);
    third.succeed();
    outbox.add('balance', { n: 0 });
    expect(decodeEnvelope((await sent.next()).payload)!.gap).toBe(false);
  });

  test('a message larger than a payload is logged and declared as a gap; the others go', async () => {
    const { outbox, sent, log } = setUp();
    outbox.add('operation', { text: 'x'.repeat(8_000) });
    outbox.add('operation', { text: 'y' });
    expect(decodeEnvelope((await sent.next()).payload)).toEqual({
      from: 'a',
      gap: true,
      messages: [['operation', { text: 'y' }]],
    });
    expect(log.messages).toEqual(['an event is too large to be sent']);
  });

  test('closing sends what waits and takes nothing more', async () => {
    const { outbox, sent } = setUp();
    outbox.add('revocation', { apiKeyId: 'k' });
    const closing = outbox.close();
    outbox.add('revocation', { apiKeyId: 'late' });
    const last = await sent.next();
    expect(messagesOf(last)).toEqual([['revocation', { apiKeyId: 'k' }]]);
    last.succeed();
    await closing;
    expect(sent.untaken).toHaveLength(0);
  });

  test.each(['fails', 'never ends'])(
    'closing while the transport %s ends within 2 s and says what was lost',
    async (how) => {
      const { outbox, sent, clock, log } = setUp();
      outbox.add('revocation', { apiKeyId: 'k' });
      const first = await sent.next();
      outbox.add('revocation', { apiKeyId: 'l' });
      const closing = outbox.close();
      if (how === 'fails') first.fail();
      else clock.advance(2_000);
      await closing;
      expect(log.messages.at(-1)).toBe('events were not sent before the bus was closed');
    },
  );

  test('closing in the pause after a failure tries once more at once', async () => {
    const { outbox, sent } = setUp();
    outbox.add('revocation', { apiKeyId: 'k' });
    (await sent.next()).fail();
    await new Promise(setImmediate);
    const closing = outbox.close();
    const last = await sent.next();
    expect(messagesOf(last)).toEqual([['revocation', { apiKeyId: 'k' }]]);
    last.succeed();
    await closing;
  });

  test('no payload is over its bytes, and all distinct messages go once, in order', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(text, { minLength: 1, maxLength: 60 }), async (texts) => {
        const { outbox, sent } = setUp(2_600);
        for (const each of texts) outbox.add('operation', { text: each });
        const heard: unknown[] = [];
        while (heard.length < texts.length) {
          const payload = await sent.next();
          expect(Buffer.byteLength(payload.payload)).toBeLessThanOrEqual(2_600);
          expect(decodeEnvelope(payload.payload)!.gap).toBe(false);
          heard.push(...messagesOf(payload).map(([, message]) => message.text));
          payload.succeed();
        }
        expect(heard).toEqual(texts);
      }),
      { numRuns: 50 },
    );
  });
});

describe('envelope', () => {
  test('what is encoded is decoded', () => {
    const message = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)));
    fc.assert(
      fc.property(
        fc.string(),
        fc.boolean(),
        fc.array(fc.tuple(fc.constantFrom(...EVENT_CHANNELS), message)),
        (from, gap, messages) => {
          const encoded = messages.map(([channel, each]) => encodeMessage(channel, each));
          const decoded = decodeEnvelope(encodeEnvelope(from, gap, encoded));
          expect(decoded).toEqual(JSON.parse(JSON.stringify({ from, gap, messages })));
        },
      ),
    );
  });

  test.each([
    '',
    'hello',
    '{',
    'null',
    '[]',
    '1',
    '{"from":1,"messages":[]}',
    '{"from":"a"}',
    '{"from":"a","messages":{}}',
  ])('a foreign payload is none of ours: %s', (payload) => {
    expect(decodeEnvelope(payload)).toBeNull();
  });

  test('messages on unknown channels or of a wrong shape are left out', () => {
    const payload = '{"from":"a","messages":[["future",{}],["usage",null],["usage",[]],"usage",["usage",{"n":1}]]}';
    expect(decodeEnvelope(payload)!.messages).toEqual([['usage', { n: 1 }]]);
  });
});
