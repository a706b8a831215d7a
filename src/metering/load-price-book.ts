import { readFileSync } from 'node:fs';
import { systemClock } from '../lib/clock';
import { jsonPlaces } from './json-places';
import { PriceBook, type PriceBookOptions } from './price-book';
import { PriceBookError, type PriceBookFault } from './price-book-faults';
import type { WrittenPriceBook } from './price-book-file';
import defaultBook from './price-books/default.json';
import { readPriceBook } from './read-price-book';

/**
 * The price book of a file, or the default one.
 * @throws PriceBookError with all faults of the file at once, also when none of its versions has begun
 */
export function loadPriceBook(filePath: string | null, options: PriceBookOptions = {}): PriceBook {
  if (filePath === null) return new PriceBook(readPriceBook(defaultBook, 'default.json'), options);
  const written = readPriceBookFile(filePath);
  const first = written.versions[0].effectiveFrom;
  if (Date.parse(first) > (options.clock ?? systemClock).now()) {
    throw new PriceBookError(filePath, [
      {
        path: written.versions.length === 1 ? 'effectiveFrom' : 'versions[0].effectiveFrom',
        message: `is ${first}, and nothing has a price until then; add the version that holds now before it`,
      },
    ]);
  }
  return new PriceBook(written, options);
}

/**
 * The versions that a file holds, whenever they begin.
 * @throws PriceBookError with all faults of the file at once, each with its line
 */
export function readPriceBookFile(filePath: string): WrittenPriceBook {
  const text = textOf(filePath);
  const json = parse(text, filePath);
  const places = jsonPlaces(text);
  const repeated = places.repeated.map(({ path, line }): PriceBookFault => {
    return { path, line, message: 'is written twice in the same object; keep one of them' };
  });
  const located = (faults: readonly PriceBookFault[]): PriceBookFault[] =>
    faults.map((fault) => ({ line: places.lineOf(fault.path), ...fault }));
  let written: WrittenPriceBook;
  try {
    written = readPriceBook(json, filePath);
  } catch (error) {
    if (!(error instanceof PriceBookError)) throw error;
    throw new PriceBookError(filePath, byLine([...repeated, ...located(error.faults)]));
  }
  if (repeated.length > 0) throw new PriceBookError(filePath, repeated);
  return written;
}

const byLine = (faults: PriceBookFault[]): PriceBookFault[] => faults.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));

function textOf(filePath: string): string {
  try {
    return readFileSync(filePath, 'utf8').replace(/^\ufeff/, '');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new PriceBookError(
      filePath,
      [{ path: '', message: `cannot be read (${code}); name a JSON file that this user may read` }],
      true,
    );
  }
}

function parse(text: string, filePath: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PriceBookError(filePath, [
      { path: '', message: `is not JSON (${(error as Error).message}); correct it at that place` },
    ]);
  }
}
