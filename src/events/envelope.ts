import { type BusMessage, EVENT_CHANNELS, type EventChannel } from './event-bus';

/** What travels between processes in one payload. */
export interface Envelope {
  /** The sending process, which ignores what it sent itself. */
  readonly from: string;
  /** The sender had to give up earlier messages: whoever hears this may have missed some. */
  readonly gap: boolean;
  readonly messages: readonly (readonly [EventChannel, BusMessage])[];
}

const known: ReadonlySet<unknown> = new Set(EVENT_CHANNELS);

/** One message as it stands in the envelope. Throws TypeError on what is not JSON (bigint, a cycle). */
export const encodeMessage = (channel: EventChannel, message: BusMessage): string => JSON.stringify([channel, message]);

export const encodeEnvelope = (from: string, gap: boolean, encodedMessages: readonly string[]): string =>
  `{"from":${JSON.stringify(from)},${gap ? '"gap":true,' : ''}"messages":[${encodedMessages.join(',')}]}`;

/** Bytes of an envelope without messages; each message adds its own bytes and at most one comma. */
export const envelopeOverheadBytes = (from: string): number => Buffer.byteLength(encodeEnvelope(from, true, []));

/**
 * null for what no process of ours can have sent. Messages on channels that are not known are left out: during an
 * upgrade a newer process may send them.
 */
export function decodeEnvelope(payload: string): Envelope | null {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    return null;
  }
  if (!isRecord(value) || typeof value.from !== 'string' || !Array.isArray(value.messages)) return null;
  const messages = value.messages.filter(isMessage);
  return { from: value.from, gap: value.gap === true, messages };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isMessage = (value: unknown): value is [EventChannel, BusMessage] =>
  Array.isArray(value) && known.has(value[0]) && isRecord(value[1]);
