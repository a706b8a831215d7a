import { createParser } from 'eventsource-parser';
import type { AnswerMessage } from '../contract/provider';

/**
 * Reads server-sent events out of bytes, however these are cut: each call takes the next bytes and answers the messages that
 * they complete. Comments, ids and retry times are dropped. An event that is not ended by a blank line was cut and is none.
 */
export function serverSentEvents(): (bytes: Uint8Array) => readonly AnswerMessage[] {
  let messages: AnswerMessage[] = [];
  const decoder = new TextDecoder();
  const parser = createParser({
    onEvent: ({ event, data }) => messages.push({ event: event ?? null, data: parsed(data) }),
  });
  return (bytes) => {
    messages = [];
    parser.feed(decoder.decode(bytes, { stream: true }));
    return messages;
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
