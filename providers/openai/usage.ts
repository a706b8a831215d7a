import type { CountedDay, HttpUsageAdapter, UsageQuery } from '../contract/usage';
import { countTold, dateTold, isWithin } from '../http/usage-dates';
import { asObject, asObjects, asText, type JsonObject } from '../http/wire';
import { openAi, openAiHeaders } from './vendor';

/** The most that a page of daily buckets holds. */
const DAYS_A_PAGE = 31;

/** One endpoint of https://developers.openai.com/api/reference/resources/admin/organization/usage, all projects and keys together. */
function usageOf(
  endpoint: string,
  read: (result: JsonObject) => readonly Omit<CountedDay, 'date'>[],
): UsageQuery<CountedDay> {
  return {
    request({ start, end }, cursor, credential) {
      const query = new URLSearchParams({
        start_time: String(start.getTime() / 1_000),
        end_time: String(end.getTime() / 1_000),
        bucket_width: '1d',
        limit: String(DAYS_A_PAGE),
      });
      if (cursor !== null) query.set('page', cursor);
      return {
        method: 'GET',
        path: `/v1/organization/usage/${endpoint}?${query}`,
        headers: openAiHeaders(credential),
      };
    },
    page(body, span) {
      const page = asObject(body);
      if (!Array.isArray(page?.data)) throw new TypeError('data is not a list');
      const items = asObjects(page.data).flatMap((bucket) => {
        const date = dateTold(bucket.start_time);
        return asObjects(bucket.results).flatMap((result) => read(result).map((count) => ({ date, ...count })));
      });
      return {
        items: items.filter(({ date }) => isWithin(span, date)),
        next: page.has_more === true ? asText(page.next_page) : null,
      };
    },
  };
}

/** What OpenAI counted. Cached input tokens are inside its input tokens, as they are in ours. */
export const openAiUsage: HttpUsageAdapter = {
  ...openAi,
  step: 'DAY',
  adminKey: 'REQUIRED',
  measures: [
    // Whole seconds of each request.
    { capability: 'SPEECH_TO_TEXT', unit: 'AUDIO_SECOND', countUnits: ['seconds'], foreseen: 'whole' },
    { capability: 'LANGUAGE_MODEL', unit: 'INPUT_TOKEN', countUnits: [], foreseen: 'never' },
    { capability: 'LANGUAGE_MODEL', unit: 'OUTPUT_TOKEN', countUnits: [], foreseen: 'never' },
  ],
  sums: [
    usageOf('audio_transcriptions', ({ seconds }) => [{ unit: 'AUDIO_SECOND', quantity: countTold(seconds) }]),
    usageOf('completions', ({ input_tokens: input, output_tokens: output }) => [
      { unit: 'INPUT_TOKEN', quantity: countTold(input) },
      { unit: 'OUTPUT_TOKEN', quantity: countTold(output) },
    ]),
  ],
};
