import type { HttpUsageAdapter } from '../contract/usage';
import { countsTold, dateOf, nextDate } from '../http/usage-dates';
import { asObject } from '../http/wire';
import { resembleAiSpeech } from './tts';

const { provider, name, firstParty, keyHeader, keyRequired, errorOf, requestIdOf } = resembleAiSpeech;

/**
 * What Resemble AI counted: seconds of speech of the whole account, asked for day by day.
 * https://docs.resemble.ai/platform-management/account/billing-usage
 * The guide has the sums under `items` and the OpenAPI file under `item`. That both ends of a range belong to it is
 * UNCONFIRMED.
 */
export const resembleAiUsage: HttpUsageAdapter = {
  provider,
  name,
  firstParty,
  keyHeader,
  keyRequired,
  errorOf,
  requestIdOf,
  defaultBaseUrl: 'https://app.resemble.ai',
  step: 'DAY',
  adminKey: 'OPTIONAL',
  measures: [
    {
      capability: 'TEXT_TO_SPEECH',
      unit: 'AUDIO_SECOND',
      countUnits: ['seconds'],
      // It tells whole seconds of a day.
      tolerance: 1,
      foreseen: 'never',
    },
  ],
  sums: [
    {
      request({ start }, cursor, { secret }) {
        const day = cursor ?? dateOf(start);
        return {
          method: 'GET',
          path: `/api/v2/account/billing_usage?${new URLSearchParams({ start_date: day, end_date: day })}`,
          headers: { ...(secret !== null && { authorization: `Bearer ${secret}` }) },
        };
      },
      page(body, { start, end }, cursor) {
        const answer = asObject(body);
        const sums = asObject(answer?.items) ?? asObject(answer?.item);
        if (sums === null || answer?.success === false) throw new TypeError('items is missing');
        const date = cursor ?? dateOf(start);
        const next = nextDate(date);
        return {
          items: [{ date, unit: 'AUDIO_SECOND', quantity: countsTold(sums.synth) }],
          next: next < dateOf(end) ? next : null,
        };
      },
    },
  ],
};
