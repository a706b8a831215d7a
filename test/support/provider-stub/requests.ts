import type { IncomingHttpHeaders } from 'node:http';
import type { AudioFormat } from '../../../providers/contract/audio';

export type StubOperation = 'speech' | 'voices' | 'audio' | 'transcription' | 'chat' | 'usage' | 'unknown';

/** A request as it came, kept for assertions. */
export interface StubRequest {
  /** Whose path it is; null for none that is known. */
  readonly provider: string | null;
  readonly operation: StubOperation;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Parsed; undefined where there was no body, or none that is JSON. */
  readonly json: unknown;
  /** As it came, where it is not JSON; else empty. */
  readonly body: Buffer;
  /** The client went away before the answer was complete. */
  aborted: boolean;
  /** All of the answer was sent. */
  answered: boolean;
}

/** What a stand-in makes of a request: audio of a length, a document or the documented error, a stream of events. */
export type StubAnswer =
  | {
      readonly kind: 'audio';
      readonly format: AudioFormat;
      readonly sampleRate: number;
      readonly contentType: string;
      readonly milliseconds: number;
      /** In pieces as it is made, or in one with its length. */
      readonly streamed: boolean;
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'json';
      readonly status: number;
      readonly body: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'events';
      /** One server-sent event each, as it lies on the wire. */
      readonly events: readonly string[];
      readonly headers?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'pieces';
      readonly contentType: string;
      /** A success as it lies on the wire, in the pieces in which it is made. */
      readonly pieces: readonly (Buffer | string)[];
      readonly headers?: Readonly<Record<string, string>>;
    };

/** Speech of ordinary prose at natural speed. */
const MILLISECONDS_PER_CHARACTER = 60;

/** The length of the speech for a text, so that more characters sound longer. */
export function speechMilliseconds(characters: number, speed: number): number {
  return Math.max(240, Math.round((characters * MILLISECONDS_PER_CHARACTER) / speed));
}

/** The first name in `value` that `allowed` does not know. */
export function unknownField(value: object, allowed: readonly string[]): string | undefined {
  return Object.keys(value).find((name) => !allowed.includes(name));
}

/** FastAPI's answer to a request that does not fit its schema. */
export function validationError(loc: readonly (string | number)[], message: string, type: string): StubAnswer {
  return { kind: 'json', status: 422, body: { detail: [{ loc, msg: message, type }] } };
}
