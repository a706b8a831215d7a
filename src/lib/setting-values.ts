import { accessSync, constants, statSync } from 'node:fs';
import { z } from 'zod';
import { ROOT_KEY_BYTES } from './keys';
import { Secret } from './secret';

/**
 * Kinds of setting: each takes the text of an environment variable, trimmed and not empty. Messages say what to write,
 * begin in lower case, as the variable's name stands before them, and never repeat the text, which may be a secret.
 */

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

type Check<T> = (text: string) => T | undefined;

/** `read` gives undefined when the text is none of this kind. */
function kind<T>(advice: string, read: Check<T>) {
  return z.string().transform((text, context) => {
    const answer = read(text);
    if (answer !== undefined) return answer;
    context.addIssue({ code: 'custom', message: advice });
    return z.NEVER;
  });
}

const parts = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

const isWeb = (url: URL): boolean => url.protocol === 'http:' || url.protocol === 'https:';
/** A password in an address would travel into logs and to clients. */
const isBare = (url: URL): boolean =>
  url.search === '' && url.hash === '' && url.username === '' && url.password === '';

function readOrigin(text: string): string | undefined {
  const url = parseUrl(text);
  return url && isWeb(url) && isBare(url) && url.pathname === '/' ? url.origin : undefined;
}

export const wholeNumber = (least: number, most: number) =>
  kind(`write a whole number from ${least} to ${most}`, (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return number >= least && number <= most ? number : undefined;
  });

export const word = kind('write it without spaces', (text) => (/^[\x21-\x7e]+$/.test(text) ? text : undefined));

export const secret = kind('write it without spaces and line breaks', (text) =>
  /^[\x21-\x7e]+$/.test(text) ? new Secret(text) : undefined,
);

export const chosenKey = kind('write at least 20 characters without control characters', (text) =>
  /^[^\p{Cc}\p{Cs}]{20,}$/u.test(text) ? new Secret(text) : undefined,
);

export const host = kind('write a host name or an IP address to listen on, without a port', (text) =>
  /^[A-Za-z0-9_.:-]+$/.test(text) && !/^[^:]*:\d+$/.test(text) ? text : undefined,
);

export const origin = kind(
  'write scheme, host and port alone, such as https://host:8080, without a path such as /v1',
  readOrigin,
);

export const webAddress = kind('write an http:// or https:// address without user, query or fragment', (text) => {
  const url = parseUrl(text);
  return url && isWeb(url) && isBare(url) ? url.href.replace(/\/+$/, '') : undefined;
});

export const origins = kind<'any' | string[]>(
  'write origins separated by commas, such as https://app.example.com,http://localhost:3000, or * for any',
  (text) => {
    if (text === '*') return 'any';
    const read = parts(text).map(readOrigin);
    return read.length > 0 && read.every((one) => one !== undefined) ? read : undefined;
  },
);

export const hostsWithPorts = kind(
  'write host:port pairs separated by commas, such as 10.0.0.5:8000,[::1]:8000',
  (text) => {
    const read = parts(text).map((part) => {
      const match = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+):(\d{1,5})$/.exec(part.toLowerCase());
      const port = Number(match?.[2]);
      return match && port >= 1 && port <= 65_535 ? `${match[1]}:${port}` : undefined;
    });
    return read.length > 0 && read.every((one) => one !== undefined) ? read : undefined;
  },
);

export const list = kind('write values separated by commas', (text) => {
  const read = parts(text);
  return read.length > 0 ? read : undefined;
});

export const addressWithSecret = (protocols: readonly string[], example: string) =>
  kind(`write an address such as ${example} (percent-encode special characters of the password)`, (text) =>
    protocols.includes(parseUrl(text)?.protocol ?? '') ? new Secret(text) : undefined,
  );

export const filePath = kind('write the path of a directory', (text) => (text.includes('\0') ? undefined : text));

export const readableFile = kind('write the path of a file that this user may read', (text) => {
  try {
    accessSync(text, constants.R_OK);
    return statSync(text).isFile() ? text : undefined;
  } catch {
    return undefined;
  }
});

export const planId = kind("write a plan's id, such as free", (text) =>
  /^[a-z0-9][a-z0-9_-]{0,63}$/.test(text) ? text : undefined,
);

/** Roots of a KeyRing with commas between them, each once; more would be rotations that nobody finished. */
const ENCRYPTION_KEYS_MAX = 8;

export const encryptionKey = kind(
  `write ${ROOT_KEY_BYTES} bytes as base64, after a rotation the newest first and older ones after a comma; make one with: openssl rand -base64 ${ROOT_KEY_BYTES}`,
  (text) => {
    const keys = text.split(',').map((key) => key.trim());
    const sound = keys.length <= ENCRYPTION_KEYS_MAX && keys.every(isKeyText) && new Set(keys).size === keys.length;
    return sound ? new Secret(keys.join(',')) : undefined;
  },
);

/** Whether a text is exactly 32 bytes in standard base64; Node's decoder alone would skip whatever it does not know. */
export function isKeyText(text: string): boolean {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === ROOT_KEY_BYTES && bytes.toString('base64') === text;
}
