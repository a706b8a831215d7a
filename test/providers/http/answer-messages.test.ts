import fc from 'fast-check';
import { base64Bytes, type MessageFraming, messageReader } from '../../../providers/http/answer-messages';

const acme = { provider: 'acme', name: 'Acme' };

/** Everything that is read of bytes that come in these pieces. */
function read(framing: MessageFraming, pieces: readonly Uint8Array[]): unknown[] {
  const reader = messageReader(acme, framing);
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
}

const bytes = (text: string): Buffer => Buffer.from(text);

/** The bytes cut at any places, some pieces empty. */
const cuttings = (whole: Buffer) =>
  fc.array(fc.nat(whole.length), { maxLength: 12 }).map((places) => {
    const sorted = [0, ...places.sort((one, other) => one - other), whole.length];
    return sorted.slice(1).map((end, index) => whole.subarray(sorted[index], end));
  });

describe('messages are the same however their bytes are cut', () => {
  const documents = [{ text: 'añ漢🎉' }, { audio: 'AAAA', list: [1, 2] }, null, 5];
  const lines = documents.map((data) => ({ event: null, data }));

  it.each<[string, MessageFraming, string, unknown[]]>([
    ['lines', 'json-lines', documents.map((document) => `${JSON.stringify(document)}\n`).join(''), lines],
    [
      'lines with returns and empty lines between them, the last without an end',
      'json-lines',
      documents.map((document) => `\r\n${JSON.stringify(document)}\r`).join('\n'),
      lines,
    ],
    [
      'events, with comments, names, ids and several lines of data',
      'events',
      ': hello\n\nevent: chunk\nid: 1\ndata: {"a":\ndata: "漢"}\n\nretry: 5\ndata:[DONE]\r\n\r\n',
      [
        { event: 'chunk', data: { a: '漢' } },
        { event: null, data: '[DONE]' },
      ],
    ],
    ['one document', 'json', ' {"a":"漢"}\n', [{ event: null, data: { a: '漢' } }]],
  ])('%s', (_name, framing, text, messages) => {
    fc.assert(
      fc.property(cuttings(bytes(text)), (pieces) => {
        expect(read(framing, pieces)).toEqual(messages);
      }),
    );
  });
});

it('a line is given out with the bytes that complete it, before the next has begun', () => {
  const reader = messageReader(acme, 'json-lines');
  expect(reader.push(bytes('{"a":1'))).toEqual([]);
  expect(reader.push(bytes('}\n{"a'))).toEqual([{ event: null, data: { a: 1 } }]);
  expect(reader.push(bytes('":2}\n{"a":3}\n'))).toEqual([2, 3].map((a) => ({ event: null, data: { a } })));
});

describe('an end inside a message', () => {
  it.each<[string, MessageFraming, string, object]>([
    ['a line', 'json-lines', '{"a":1}\n{"a":', { kind: 'UNAVAILABLE', retryable: true }],
    ['a document', 'json', '{"audio":"AAA', { kind: 'UNAVAILABLE', retryable: true }],
    ['what is no document at all', 'json', 'Bad gateway', { kind: 'REJECTED', retryable: false }],
    ['a document that is closed and broken', 'json', '{"a":}', { kind: 'REJECTED', retryable: false }],
  ])('%s fails as what it is, without quoting it', (_name, framing, text, expected) => {
    const reader = messageReader(acme, framing);
    reader.push(bytes(text));
    let failure: unknown;
    try {
      reader.end();
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ provider: 'acme', ...expected });
    expect(String(failure)).not.toMatch(/AAA|gateway/);
  });

  it('an event that no blank line ends is none', () => {
    expect(read('events', [bytes('data: {"a":1}\n\ndata: {"a":2}\n')])).toEqual([{ event: null, data: { a: 1 } }]);
  });
});

it.each<[MessageFraming, string]>([
  ['json-lines', ''],
  ['events', 'data: '],
])('a message of %s without end is refused before it fills the memory', (framing, opening) => {
  const reader = messageReader(acme, framing);
  const piece = Buffer.alloc(1024 * 1024, 0x61);
  reader.push(bytes(opening));
  const pushed: number[] = [];
  expect(() => {
    for (let count = 0; count < 64; count++) {
      reader.push(piece);
      pushed.push(count);
    }
  }).toThrow(expect.objectContaining({ kind: 'REJECTED', retryable: false }));
  expect(pushed.length).toBeLessThanOrEqual(8);
});

it('many messages of a few megabytes are each within the limit', () => {
  const reader = messageReader(acme, 'json-lines');
  const line = bytes(`"${'a'.repeat(3 * 1024 * 1024)}"\n`);
  for (let count = 0; count < 6; count++) expect(reader.push(line)).toHaveLength(1);
});

describe('base64', () => {
  it('gives back every byte, with padding and without', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (value) => {
        const text = Buffer.from(value).toString('base64');
        expect(Buffer.from(base64Bytes(text)).equals(Buffer.from(value))).toBe(true);
        expect(Buffer.from(base64Bytes(text.replace(/=+$/, ''))).equals(Buffer.from(value))).toBe(true);
      }),
    );
  });

  it.each([['a sentence.'], ['AAA*'], ['A'], ['AA=AAAA'], [5], [null], [undefined]])('%j is none', (value) => {
    expect(() => base64Bytes(value)).toThrow(TypeError);
  });
});
