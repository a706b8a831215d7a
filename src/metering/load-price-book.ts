import { readFileSync } from 'node:fs';
import { PriceBook, type PriceBookOptions } from './price-book';
import { PriceBookError } from './price-book-faults';
import defaultBook from './price-books/default.json';
import { readPriceBook } from './read-price-book';

/**
 * The price book of a file, or the default one.
 * @throws PriceBookError with all faults of the file at once
 */
export function loadPriceBook(filePath: string | null, options: PriceBookOptions = {}): PriceBook {
  if (filePath === null) return new PriceBook(readPriceBook(defaultBook, 'default.json'), options);
  return new PriceBook(readPriceBook(parse(filePath), filePath), options);
}

function parse(filePath: string): unknown {
  let text: string;
  try {
    text = readFileSync(filePath, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new PriceBookError(filePath, [
      { path: '', message: `cannot be read (${code}); set PRICE_BOOK to a JSON file that the server may read` },
    ]);
  }
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new PriceBookError(filePath, [
      { path: '', message: `is not JSON (${(error as Error).message}); correct it at that place` },
    ]);
  }
}
