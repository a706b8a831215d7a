import type { HttpUsageAdapter } from '../contract/usage';
import { countTold, dateTold, isWithin } from '../http/usage-dates';
import { asObject, asObjects } from '../http/wire';
import { cartesia, cartesiaHeaders } from './vendor';

/** The version that speech is asked for in. */
const API_VERSION = '2026-03-01';

/**
 * What Cartesia counted: credits of all its products together, by UTC day. https://docs.cartesia.ai/api-reference/usage/credits
 * A character of speech is a credit (one and a half with a professional clone); what a second of transcription is, no
 * document says, so days on which both were used cannot be compared. Only what succeeded is counted.
 */
export const cartesiaUsage: HttpUsageAdapter = {
  ...cartesia,
  step: 'DAY',
  adminKey: 'REQUIRED',
  measures: [
    {
      capability: 'TEXT_TO_SPEECH',
      unit: 'CHARACTER',
      countUnits: [],
      foreseen: 'exact',
      mixedWith: ['SPEECH_TO_TEXT'],
    },
  ],
  sums: [
    {
      request({ start, end }, _cursor, credential) {
        const query = new URLSearchParams({
          start_ts: start.toISOString(),
          end_ts: end.toISOString(),
          interval: 'day',
        });
        return { method: 'GET', path: `/usage/credits?${query}`, headers: cartesiaHeaders(credential, API_VERSION) };
      },
      page(body, span) {
        const answer = asObject(body);
        if (!Array.isArray(answer?.data)) throw new TypeError('data is not a list');
        const items = asObjects(answer.data).map(
          ({ start_ts, credits }) =>
            ({ date: dateTold(start_ts), unit: 'CHARACTER', quantity: countTold(credits) }) as const,
        );
        return { items: items.filter(({ date }) => isWithin(span, date)), next: null };
      },
    },
  ],
};
