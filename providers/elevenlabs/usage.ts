import type { CountedRequest, HttpUsageAdapter } from '../contract/usage';
import { countTold, momentTold } from '../http/usage-dates';
import { asObject, asText, type JsonObject } from '../http/wire';
import { elevenLabs, elevenLabsHeaders } from './vendor';

/** The most that a page of the history holds. */
const ITEMS_A_PAGE = 1_000;

function requestOf(item: JsonObject): CountedRequest {
  const item_id = asText(item.history_item_id);
  if (item_id === null) throw new TypeError('history_item_id is missing');
  const billed = countTold(item.character_count_change_to) - countTold(item.character_count_change_from);
  const text = asText(item.text);
  return {
    // An item without one is counted, and meets no operation of ours.
    id: asText(item.request_id) ?? `history:${item_id}`,
    at: momentTold(item.date_unix),
    capability: 'TEXT_TO_SPEECH',
    model: asText(item.model_id),
    // Where the account's counter began anew in between, nobody can say.
    quantity: billed >= 0 ? billed : null,
    ...(text === null ? {} : { asked: [...text.normalize('NFC').trim()].length }),
  };
}

/**
 * What ElevenLabs counted of speech, request by request: the history of generated items, in credits after the model's
 * multiplier. https://elevenlabs.io/docs/api-reference/history/list
 * Transcription is not in it: the analytics of a workspace tell it in credits, whose rate for a second is not documented.
 */
export const elevenLabsUsage: HttpUsageAdapter = {
  ...elevenLabs,
  step: 'DAY',
  adminKey: 'OPTIONAL',
  measures: [
    {
      capability: 'TEXT_TO_SPEECH',
      unit: 'CHARACTER',
      countUnits: ['credits', 'characters'],
      // Half a credit a character with some models, one and a half with some voices.
      foreseen: 'never',
    },
  ],
  requests: {
    request({ start, end }, cursor, credential) {
      const query = new URLSearchParams({
        page_size: String(ITEMS_A_PAGE),
        date_after_unix: String(Math.floor(start.getTime() / 1_000)),
        date_before_unix: String(Math.ceil(end.getTime() / 1_000)),
        source: 'TTS',
      });
      if (cursor !== null) query.set('start_after_history_item_id', cursor);
      return { method: 'GET', path: `/v1/history?${query}`, headers: elevenLabsHeaders(credential) };
    },
    page(body) {
      const page = asObject(body);
      if (!Array.isArray(page?.history)) throw new TypeError('history is not a list');
      const items = page.history.map((item: unknown) => requestOf(asObject(item) ?? {}));
      const next = asText(page.last_history_item_id);
      if (page.has_more === true && next === null) throw new TypeError('last_history_item_id is missing');
      return { items, next: page.has_more === true ? next : null };
    },
  },
};
