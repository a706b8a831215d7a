import type { AnswerMessage, ResponseHeaders } from '../contract/provider';
import type { SpeechFraming } from '../contract/tts';
import { mediaType, promisesDocument } from './answers';
import { type ProviderIdentity, rejected, unavailable } from './provider-failures';
import { serverSentEvents } from './server-sent-events';

export type MessageFraming = Exclude<SpeechFraming, 'bytes'>;

/** Bytes of one line or event. Providers send some tenths of a second of audio at a time; this is minutes of it. */
const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

const LINE_FEED = 0x0a;

/** A 2xx that can be read as messages; servers are careless with their types, but a page for people or audio is none. */
export function promisesMessages(status: number, headers: ResponseHeaders): boolean {
  return promisesDocument(status, headers) && !/^(text\/html|audio\/.*)$/.test(mediaType(headers));
}

/** Reads messages out of bytes, however these are cut, holding no more than one of them. */
export interface MessageReader {
  /** Messages that these bytes complete. @throws ProviderError when one is longer than is taken. */
  push(bytes: Uint8Array): readonly AnswerMessage[];
  /** The body has ended: what it completes. @throws ProviderError when it ended inside a message. */
  end(): readonly AnswerMessage[];
}

/** A reader for one answer of `who`. A whole document is bounded by the exchange, which bounds the body. */
export function messageReader(who: ProviderIdentity, framing: MessageFraming): MessageReader {
  switch (framing) {
    case 'json':
      return documentReader(who);
    case 'json-lines':
      return lineReader(who);
    case 'events':
      return eventReader(who);
  }
}

function documentReader(who: ProviderIdentity): MessageReader {
  const pieces: Uint8Array[] = [];
  return {
    push(bytes) {
      pieces.push(bytes);
      return [];
    },
    end() {
      const text = Buffer.concat(pieces).toString('utf8').trim();
      // A document may be no more than a string, as that of the XTTS streaming server is.
      try {
        return [{ event: null, data: JSON.parse(text) as unknown }];
      } catch {
        throw text.startsWith('{') && !text.endsWith('}')
          ? cut(who)
          : rejected(who, 'answered with something that is not JSON');
      }
    },
  };
}

function lineReader(who: ProviderIdentity): MessageReader {
  let pieces: Uint8Array[] = [];
  let size = 0;
  const hold = (bytes: Uint8Array): void => {
    if (bytes.length === 0) return;
    size += bytes.length;
    if (size > MESSAGE_BYTES_MAX) throw tooLong(who);
    pieces.push(bytes);
  };
  const take = (): string => {
    const line = Buffer.concat(pieces).toString('utf8').trim();
    pieces = [];
    size = 0;
    return line;
  };
  return {
    push(bytes) {
      const messages: AnswerMessage[] = [];
      let start = 0;
      for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
        hold(bytes.subarray(start, end));
        const line = take();
        if (line !== '') messages.push({ event: null, data: parsed(line) });
        start = end + 1;
      }
      hold(bytes.subarray(start));
      return messages;
    },
    end() {
      // The last line needs no line feed, but one that is no document was cut.
      const line = take();
      if (line === '') return [];
      const data = parsed(line);
      if (typeof data === 'string') throw cut(who);
      return [{ event: null, data }];
    },
  };
}

function eventReader(who: ProviderIdentity): MessageReader {
  const read = serverSentEvents();
  let size = 0;
  return {
    push(bytes) {
      const messages = read(bytes);
      size = messages.length > 0 ? 0 : size + bytes.length;
      if (size > MESSAGE_BYTES_MAX) throw tooLong(who);
      return messages;
    },
    // An event that no blank line ends was cut, and is none.
    end: () => [],
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function tooLong(who: ProviderIdentity) {
  return rejected(who, `sent a message of more than the ${MESSAGE_BYTES_MAX} bytes that are taken`);
}

/** The ProviderError for an answer that stops before it is complete. */
export function cut(who: ProviderIdentity, status?: number) {
  return unavailable(who, 'broke off in the middle of its answer', undefined, status);
}

/**
 * Bytes out of a field of base64. Throws TypeError when the field is none; an empty string is no bytes, as some providers send
 * it beside other news.
 */
export function base64Bytes(value: unknown): Uint8Array {
  if (typeof value !== 'string') throw new TypeError('the audio is not a string');
  const bytes = Buffer.from(value, 'base64');
  // The decoder skips what is not base64 and stops at padding, so that less comes out than the length promises.
  const digits = value.length - (value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0);
  if (digits % 4 === 1 || bytes.length !== Math.floor((digits * 3) / 4)) throw new TypeError('the audio is not base64');
  return bytes;
}
