import type { FormField } from '../openapi';

/** A field of a form as it came; a file has a name, a type and bytes. */
export interface StubFormField extends FormField {
  readonly contentType?: string;
  readonly bytes: Buffer;
}

/**
 * Reads multipart/form-data as strictly as a server may: CRLF everywhere, the boundary of the header, a Content-Disposition
 * first in each part. null where the body is no such form.
 */
export function readForm(contentType: string | undefined, body: Buffer): StubFormField[] | null {
  const boundary = /^multipart\/form-data; boundary=([A-Za-z0-9'()+_,./:=?-]{1,70})$/.exec(contentType ?? '')?.[1];
  if (boundary === undefined) return null;
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const whole = Buffer.concat([Buffer.from('\r\n'), body]);
  const fields: StubFormField[] = [];
  let from = whole.indexOf(delimiter);
  if (from !== 0) return null;
  for (;;) {
    from += delimiter.length;
    if (whole.subarray(from, from + 4).toString('latin1') === '--\r\n') {
      return from + 4 === whole.length ? fields : null;
    }
    const to = whole.indexOf(delimiter, from);
    const field =
      to < 0 || whole.subarray(from, from + 2).toString() !== '\r\n' ? null : readPart(whole.subarray(from + 2, to));
    if (field === null) return null;
    fields.push(field);
    from = to;
  }
}

function readPart(part: Buffer): StubFormField | null {
  const headEnd = part.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const [disposition = '', ...others] = part.subarray(0, headEnd).toString('utf8').split('\r\n');
  const [, name, , fileName] =
    /^Content-Disposition: form-data; name="([^"\\]*)"(; filename="([^"\\]*)")?$/.exec(disposition) ?? [];
  if (name === undefined) return null;
  const bytes = part.subarray(headEnd + 4);
  const contentType = /^Content-Type: (.+)$/.exec(others[0] ?? '')?.[1];
  if (fileName === undefined) return others.length === 0 ? { name, value: bytes.toString('utf8'), bytes } : null;
  return contentType === undefined || others.length > 1 ? null : { name, fileName, contentType, bytes };
}
