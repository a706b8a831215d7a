/** What a spreadsheet could take for a formula, or for the end of a cell. */
const DANGEROUS_START = /^[=+\-@\p{Cc}]/u;
const TO_QUOTE = /[",\r\n]/;

/** How rows of named values are written. */
export interface RowWriter {
  readonly contentType: string;
  readonly extension: string;
  /** What comes before the first row. */
  head(fields: readonly string[]): string;
  row(fields: readonly string[], values: Readonly<Record<string, unknown>>): string;
}

/** RFC 4180. A cell that a spreadsheet could run has an apostrophe before it. */
const csv: RowWriter = {
  contentType: 'text/csv; charset=utf-8; header=present',
  extension: 'csv',
  head: (fields) => csvLine(fields),
  row: (fields, values) => csvLine(fields.map((field) => textOf(values[field]))),
};

/** One JSON object a line, with the values that GraphQL answers. */
const jsonLines: RowWriter = {
  contentType: 'application/jsonl; charset=utf-8',
  extension: 'jsonl',
  head: () => '',
  row: (fields, values) => `${JSON.stringify(Object.fromEntries(fields.map((field) => [field, values[field]])))}\n`,
};

export const ROW_WRITERS: Readonly<Record<'CSV' | 'JSONL', RowWriter>> = { CSV: csv, JSONL: jsonLines };

export const csvLine = (cells: readonly string[]): string => `${cells.map(csvCell).join(',')}\r\n`;

function csvCell(text: string): string {
  const safe = DANGEROUS_START.test(text) ? `'${text}` : text;
  return TO_QUOTE.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Plain values as they are, everything else as JSON. */
function textOf(value: unknown): string {
  if (value == null) return '';
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
