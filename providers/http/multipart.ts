import { randomBytes } from 'node:crypto';
import type { BytesSource, FormPart } from '../contract/provider';

const CRLF = '\r\n';

/**
 * A form as multipart/form-data (RFC 7578) that is sent without being held in memory: files are read while they are sent, and
 * the length is known before. Each call of `open` begins anew. The boundary is 144 random bits, so that no file holds it but
 * by a chance that never comes.
 */
export function multipartForm(parts: readonly FormPart[]): BytesSource {
  const boundary = `polyphony-${randomBytes(18).toString('hex')}`;
  const heads = parts.map((part) => Buffer.from(`--${boundary}${CRLF}${headOf(part)}`, 'utf8'));
  const end = Buffer.from(`--${boundary}--${CRLF}`, 'utf8');
  let sizeBytes = end.length;
  parts.forEach((part, index) => {
    const bodyBytes = 'file' in part ? part.file.sizeBytes : Buffer.byteLength(part.value, 'utf8');
    sizeBytes += heads[index]!.length + bodyBytes + CRLF.length;
  });
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    sizeBytes,
    async *open() {
      for (const [index, part] of parts.entries()) {
        yield heads[index]!;
        if ('file' in part) yield* part.file.open();
        else yield Buffer.from(part.value, 'utf8');
        yield Buffer.from(CRLF);
      }
      yield end;
    },
  };
}

function headOf(part: FormPart): string {
  const name = `Content-Disposition: form-data; name="${escapeName(part.name)}"`;
  if (!('file' in part)) return `${name}${CRLF}${CRLF}`;
  const fileName = `; filename="${escapeName(part.fileName)}"`;
  return `${name}${fileName}${CRLF}Content-Type: ${safeMediaType(part.file.contentType)}${CRLF}${CRLF}`;
}

/**
 * As browsers write names (HTML Living Standard, "multipart form data"): quotes and line ends in percent notation. Other
 * control characters and the backslash too, which some servers read as the beginning of an escape.
 */
function escapeName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being escaped
  return name.replace(/["\\\u0000-\u001f\u007f]/g, (character) => `%${hex(character)}`);
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
}

const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;\s*[\w!#$&^.+-]+=(?:[\w!#$&^.+-]+|"[\w !#$&^.+,/-]*"))*$/;

/** A media type that can stand in a header; anything else is plain bytes. */
export function safeMediaType(contentType: string): string {
  return MEDIA_TYPE.test(contentType) ? contentType : 'application/octet-stream';
}
