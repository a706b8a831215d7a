import { type HttpMethod, openApiDocument } from '../openapi';
import type { StubRequest } from './requests';

/**
 * What a request breaks of an operation in the provider's own OpenAPI file; nothing where the machine has no such file, and the
 * stand-in's own rules are all that is checked.
 */
export function documentedFaults(fileName: string, template: string, request: StubRequest): string[] {
  const document = openApiDocument(fileName);
  if (document === null) return [];
  const query = request.query.toString();
  const path = query === '' ? request.path : `${request.path}?${query}`;
  return document.requestFaults(request.method.toLowerCase() as HttpMethod, template, path, request.json);
}

/** The bearer of an Authorization header of the scheme; null when there is none, or the key is a refused one. */
export function acceptedKey(request: StubRequest, scheme: string, refusedKeys: ReadonlySet<string>): string | null {
  const [sent, key, ...rest] = (request.headers.authorization ?? '').split(' ');
  if (sent !== scheme || key === undefined || key === '' || rest.length > 0 || refusedKeys.has(key)) return null;
  return key;
}

/** Bytes cut into pieces of a size, as a server writes them. */
export function piecesOf(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let from = 0; from < bytes.length; from += size) pieces.push(bytes.subarray(from, from + size));
  return pieces;
}
