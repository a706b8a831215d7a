import fc from 'fast-check';
import { FrontendMessages, type FrontendPiece } from '../../../src/db/embedded/frontend-messages';

function typed(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
function untyped(request: number, body = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8, 0);
  head.writeInt32BE(request, 4);
  return Buffer.concat([head, body]);
}
const STARTUP = untyped(196608, Buffer.from('user\0postgres\0\0'));

/** What a client sends, and the pieces that must come out. */
const body = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const turn = fc
  .record({
    extended: fc.array(fc.tuple(fc.constantFrom('P', 'B', 'D', 'E', 'C'), body), { maxLength: 6 }),
    end: fc.tuple(fc.constantFrom('S', 'Q', 'H'), body),
  })
  .map(({ extended, end }) => ({
    bytes: Buffer.concat([...extended, end].map(([type, content]) => typed(type, content))),
    endsWithFlush: end[0] === 'H',
  }));

test('however the bytes are cut, the messages of one query come out as one piece', () => {
  fc.assert(
    fc.property(
      fc.array(turn, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
      (turns, sizes) => {
        const stream = Buffer.concat([
          untyped(80877103),
          STARTUP,
          ...turns.map((one) => one.bytes),
          typed('X', Buffer.alloc(0)),
        ]);
        const messages = new FrontendMessages();
        const pieces: FrontendPiece[] = [];
        for (let at = 0, cut = 0; at < stream.length; cut += 1) {
          const size = sizes[cut % sizes.length]!;
          pieces.push(...messages.push(stream.subarray(at, at + size)));
          at += size;
        }
        expect(pieces).toEqual([
          { kind: 'encryption-request' },
          { kind: 'startup' },
          ...turns.map((one) => ({ kind: 'turn', messages: one.bytes, endsWithFlush: one.endsWithFlush })),
          { kind: 'terminate' },
        ]);
      },
    ),
  );
});

test('a request to cancel is recognised', () => {
  expect(new FrontendMessages().push(untyped(80877102, Buffer.alloc(8)))).toEqual([{ kind: 'cancel-request' }]);
});

test.each([
  ['an HTTP request', [Buffer.from('GET / HTTP/1.1\r\n')]],
  ['another version of the protocol', [untyped(2 << 16)]],
  ['a startup of no length', [Buffer.alloc(8)]],
  ['a message of negative length', [STARTUP, Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff])]],
  ['a message larger than any', [STARTUP, Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff])]],
])('%s is an error', (_, chunks) => {
  const messages = new FrontendMessages();
  expect(() => {
    for (const chunk of chunks) messages.push(chunk);
  }).toThrow();
});
