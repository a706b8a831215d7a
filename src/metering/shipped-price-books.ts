import { join } from 'node:path';
import audioSeconds from './price-books/audio-seconds.json';
import characters from './price-books/characters.json';
import charactersAndRequests from './price-books/characters-and-requests.json';
import defaultBook from './price-books/default.json';

/** Books that come with the program; PRICE_BOOK and the commands take their names in place of a path. */
export const SHIPPED_PRICE_BOOKS: Readonly<Record<string, unknown>> = {
  default: defaultBook,
  characters,
  'characters-and-requests': charactersAndRequests,
  'audio-seconds': audioSeconds,
};

/** Where the shipped book of that name lies; null when there is none, and the text is a path. */
export const shippedPriceBook = (name: string): string | null =>
  Object.hasOwn(SHIPPED_PRICE_BOOKS, name) ? join(__dirname, 'price-books', `${name}.json`) : null;
