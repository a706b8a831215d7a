import type { HttpUsageAdapter } from '../contract/usage';
import { countsTold, dateTold, dayAfter, isWithin } from '../http/usage-dates';
import { asObject, asObjects, asText } from '../http/wire';
import { anthropic } from './vendor';

/** Fields of the Admin API were renamed in later versions; this one's are documented in full. */
const VERSION = '2023-06-01';
/** The most that a page of daily buckets holds. */
const DAYS_A_PAGE = 31;

/**
 * What Anthropic counted, all workspaces and keys of the organization together.
 * https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-messages-usage-report
 * Tokens read from and written to its cache are kept apart there; ours are the whole.
 */
export const anthropicUsage: HttpUsageAdapter = {
  ...anthropic,
  step: 'DAY',
  adminKey: 'REQUIRED',
  measures: [
    { capability: 'LANGUAGE_MODEL', unit: 'INPUT_TOKEN', countUnits: [], foreseen: 'never' },
    { capability: 'LANGUAGE_MODEL', unit: 'OUTPUT_TOKEN', countUnits: [], foreseen: 'never' },
  ],
  sums: [
    {
      request(span, cursor, { secret }) {
        const query = new URLSearchParams({
          starting_at: span.start.toISOString(),
          // "Buckets that end before" it: whether at it too is not said.
          ending_at: dayAfter(span).toISOString(),
          bucket_width: '1d',
          limit: String(DAYS_A_PAGE),
        });
        if (cursor !== null) query.set('page', cursor);
        return {
          method: 'GET',
          path: `/v1/organizations/usage_report/messages?${query}`,
          headers: { 'anthropic-version': VERSION, ...(secret === null ? {} : { 'x-api-key': secret }) },
        };
      },
      page(body, span) {
        const page = asObject(body);
        if (!Array.isArray(page?.data)) throw new TypeError('data is not a list');
        const items = asObjects(page.data).flatMap((bucket) => {
          const date = dateTold(bucket.starting_at);
          return asObjects(bucket.results).flatMap((result) => {
            const written = asObject(result.cache_creation);
            const input = countsTold(
              result.uncached_input_tokens,
              result.cache_read_input_tokens,
              written?.ephemeral_1h_input_tokens,
              written?.ephemeral_5m_input_tokens,
            );
            return [
              { date, unit: 'INPUT_TOKEN', quantity: input },
              { date, unit: 'OUTPUT_TOKEN', quantity: countsTold(result.output_tokens) },
            ] as const;
          });
        });
        return {
          items: items.filter(({ date }) => isWithin(span, date)),
          next: page.has_more === true ? asText(page.next_page) : null,
        };
      },
    },
  ],
};
