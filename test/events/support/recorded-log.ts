import type { BusLog } from '../../../src/events/event-bus';

export interface RecordedLog extends BusLog {
  readonly messages: string[];
}

export function recordedLog(): RecordedLog {
  const messages: string[] = [];
  return { messages, warn: (_fields, message) => void messages.push(message) };
}
