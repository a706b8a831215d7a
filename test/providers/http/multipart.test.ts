import fc from 'fast-check';
import type { FormPart } from '../../../providers/contract/provider';
import { multipartForm, safeMediaType } from '../../../providers/http/multipart';
import { readForm } from '../../support/provider-stub/form';
import { readAll, sourceOf } from '../../support/transcription-call';

const names = fc.oneof(fc.string(), fc.constantFrom('file', 'a"b', 'a\\', 'a\r\nX-Evil: 1', 'ä漢', '\u0000', 'a[]'));
const values = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\r\n', '--', '\r\n--polyphony-', 'two\nlines'),
);
const parts: fc.Arbitrary<FormPart[]> = fc.array(
  fc.oneof(
    fc.record({ name: names, value: values }),
    fc.record({
      name: names,
      fileName: names,
      file: fc
        .record({
          bytes: fc.uint8Array({ maxLength: 500 }),
          type: fc.constantFrom('audio/wav', 'a\r\nb: c', '', 'video/mp4'),
        })
        .map(({ bytes, type }) => sourceOf(Buffer.from(bytes), type, 64)),
    }),
  ),
  { maxLength: 6 },
);

/** Text as UTF-8 carries it: half a surrogate pair becomes the sign for what is none. */
const carried = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');

describe('a form', () => {
  it('has the length that it names, is the same each time it is opened, and reads back part by part', async () => {
    await fc.assert(
      fc.asyncProperty(parts, async (form) => {
        const body = multipartForm(form);
        const bytes = await readAll(body);
        expect(bytes.length).toBe(body.sizeBytes);
        expect((await readAll(body)).equals(bytes)).toBe(true);
        const fields = readForm(body.contentType, bytes);
        expect(fields).toHaveLength(form.length);
        for (const [index, part] of form.entries()) {
          const field = fields![index]!;
          expect(decodeName(field.name)).toBe(carried(part.name));
          if ('file' in part) {
            expect(decodeName(field.fileName!)).toBe(carried(part.fileName));
            expect(field.bytes.equals(await readAll(part.file))).toBe(true);
          } else {
            expect(field.value).toBe(carried(part.value));
          }
        }
      }),
    );
  });

  /** Percent signs of a name itself are not escaped, as browsers do not: only what we escape is undone. */
  function decodeName(name: string): string {
    return name.replace(/%(22|5C|7F|[01][0-9A-F])/g, (_match, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
  }

  it('is understood by the parser of the platform too', async () => {
    const body = multipartForm([
      { name: 'model', value: 'one' },
      { name: 'list[]', value: 'a' },
      { name: 'list[]', value: 'b\r\nc' },
      { name: 'file', fileName: 'Büro "1".wav', file: sourceOf(Buffer.from([0, 13, 10, 45, 45, 255]), 'audio/wav') },
    ]);
    const response = new Response(new Uint8Array(await readAll(body)), {
      headers: { 'content-type': body.contentType },
    });
    const form = await response.formData();
    expect(form.get('model')).toBe('one');
    expect(form.getAll('list[]')).toEqual(['a', 'b\r\nc']);
    const file = form.get('file') as File;
    expect([file.name, file.type]).toEqual(['Büro "1".wav', 'audio/wav']);
    expect([...new Uint8Array(await file.arrayBuffer())]).toEqual([0, 13, 10, 45, 45, 255]);
  });

  it('has another boundary each time, which HTTP allows in a header as it is', () => {
    const types = Array.from({ length: 100 }, () => multipartForm([]).contentType);
    expect(new Set(types).size).toBe(100);
    for (const type of types) expect(type).toMatch(/^multipart\/form-data; boundary=[A-Za-z0-9-]{20,70}$/);
  });
});

it.each([
  ['audio/wav', 'audio/wav'],
  ['audio/ogg; codecs=opus', 'audio/ogg; codecs=opus'],
  ['audio/webm;codecs="opus"', 'audio/webm;codecs="opus"'],
  ['', 'application/octet-stream'],
  ['audio', 'application/octet-stream'],
  ['audio/wav\r\nx-evil: 1', 'application/octet-stream'],
  ['audio/wäv', 'application/octet-stream'],
])('the media type %j is sent as %s', (given, sent) => {
  expect(safeMediaType(given)).toBe(sent);
});
