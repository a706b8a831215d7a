export interface Column {
  readonly title: string;
  /** Numbers are set to the right. */
  readonly right?: boolean;
  /** Characters, where rows are written before all of them are known; otherwise the widest cell decides. */
  readonly width?: number;
}

/** Lines of a table for a terminal: a title line and a line for each row, columns two spaces apart. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map(
    ({ title, width }, index) => width ?? Math.max(title.length, ...rows.map((row) => row[index]!.length)),
  );
  return [columns.map(({ title }) => title), ...rows].map((cells) => lineOf(cells, columns, widths));
}

/** One row under columns that all have a width. */
export const tableLine = (columns: readonly Column[], cells: readonly string[]): string =>
  lineOf(
    cells,
    columns,
    columns.map(({ width = 0 }) => width),
  );

const lineOf = (cells: readonly string[], columns: readonly Column[], widths: readonly number[]): string =>
  cells
    .map((cell, index) => (columns[index]!.right ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!)))
    .join('  ')
    .trimEnd();
