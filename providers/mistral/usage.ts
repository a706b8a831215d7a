import type { HttpUsageAdapter } from '../contract/usage';
import { countTold, dateOf, nextMonth } from '../http/usage-dates';
import { asObject, asObjects } from '../http/wire';
import { mistral, mistralHeaders } from './vendor';

/** The event that transcription is billed by. */
const AUDIO_SECONDS = 'api_audio_seconds';

/**
 * What Mistral counted of transcription, by the month: it tells no finer step. In beta, for keys of administrators.
 * https://docs.mistral.ai/api/endpoint/beta/admin/billing
 * The entries of a model are opaque in the documents: those of the event are read by their `value`.
 */
export const mistralUsage: HttpUsageAdapter = {
  ...mistral,
  step: 'MONTH',
  adminKey: 'REQUIRED',
  measures: [{ capability: 'SPEECH_TO_TEXT', unit: 'AUDIO_SECOND', countUnits: ['seconds'], foreseen: 'whole' }],
  sums: [
    {
      request({ start }, cursor, credential) {
        const month = cursor ?? dateOf(start);
        const query = new URLSearchParams({ month: String(Number(month.slice(5, 7))), year: month.slice(0, 4) });
        return { method: 'GET', path: `/v1/admin/usage?${query}`, headers: mistralHeaders(credential) };
      },
      page(body, { start, end }, cursor) {
        const models = asObject(asObject(asObject(body)?.audio)?.models);
        if (models === null) throw new TypeError('audio.models is missing');
        const entries = Object.values(models).flatMap((model) =>
          Object.values(asObject(model) ?? {}).flatMap((group) => asObjects(group)),
        );
        const seconds = entries
          .filter(({ event_type }) => event_type === AUDIO_SECONDS)
          .reduce((sum, { value }) => sum + countTold(value), 0);
        const month = cursor ?? dateOf(start);
        const next = nextMonth(month);
        return {
          items: [{ date: `${month.slice(0, 7)}-01`, unit: 'AUDIO_SECOND', quantity: seconds }],
          next: next < dateOf(end) ? next : null,
        };
      },
    },
  ],
};
