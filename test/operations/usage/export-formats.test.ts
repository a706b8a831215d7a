import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { csvLine, ROW_WRITERS } from '../../../src/operations/usage/export-formats';

const { CSV, JSONL } = ROW_WRITERS;

/** What a cell of a sheet may hold: text of any kind, with what sheets and CSV stumble over in abundance. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom('=', '+', '-', '@', '\t', '\r', '\n', '\r\n', '"', ',', "'", ' ', '\0', '\u0085', 'é', '👩‍🚀'),
    )
    .map((parts) => parts.join('')),
);
const safe = (text: string): string => (/^[=+\-@\p{Cc}]/u.test(text) ? `'${text}` : text);

it('CSV that is read back gives the same cells, and each that could be a formula has an apostrophe before it', () => {
  fc.assert(
    fc.property(
      fc
        .integer({ min: 2, max: 5 })
        .chain((width) =>
          fc.array(fc.array(anyText, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 8 }),
        ),
      (rows) => {
        const file = rows.map(csvLine).join('');
        expect(parse(file, { record_delimiter: '\r\n' })).toEqual(rows.map((row) => row.map(safe)));
      },
    ),
  );
});

it.each([
  ['=HYPERLINK("http://a.example")', `"'=HYPERLINK(""http://a.example"")"`],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "'\t=1"],
  ['\r=1', `"'\r=1"`],
  ['\n', `"'\n"`],
  ['\u0000', "'\u0000"],
  ['a=1', 'a=1'],
  ['', ''],
  ['1.5', '1.5'],
  ['say "hello", or not', '"say ""hello"", or not"'],
])('a cell with %j is written as %j', (text, cell) => {
  expect(csvLine([text, 'x'])).toBe(`${cell},x\r\n`);
});

it('rows carry the fields in their order, whatever else is known of them', () => {
  const fields = ['b', 'a', 'none', 'at', 'list', 'yes'];
  const row = { a: 1.5, b: 'x', none: null, at: new Date(0), list: [{ c: '=1' }], yes: true, other: 'secret' };
  expect(CSV.head(fields)).toBe('b,a,none,at,list,yes\r\n');
  expect(CSV.row(fields, row)).toBe('x,1.5,,1970-01-01T00:00:00.000Z,"[{""c"":""=1""}]",true\r\n');
  expect(JSONL.head(fields)).toBe('');
  expect(JSONL.row(fields, row)).toBe(
    '{"b":"x","a":1.5,"none":null,"at":"1970-01-01T00:00:00.000Z","list":[{"c":"=1"}],"yes":true}\n',
  );
});

it('a JSON line stays one line, whatever is in it', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const line = JSONL.row(['text'], { text });
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(JSON.parse(line)).toEqual({ text });
    }),
  );
});
