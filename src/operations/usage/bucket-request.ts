import type { UsageBucketFilter } from '../../../schema/inputs/usage-bucket-filter';
import type { VoiceUsageRangeInput } from '../../../schema/inputs/usage-export-inputs';
import { bucketEdges } from '../../analytics/bucket-edges';
import { orderedDimensions } from '../../analytics/usage-dimensions';
import type { UsageSumsQuery } from '../../analytics/usage-sums';
import { ZoneClock } from '../../analytics/zone-clock';
import { badInput } from '../../lib/errors';
import { checkEndUserIds, checkListSize, storableIds } from './filter-rules';

const DAY_MS = 86_400_000;
/** Days between the beginning and the end of what is asked for at a time. */
const DAYS_MAX = { HOUR: 31, DAY: 400 } as const;
const VOICE_USAGE_DAYS_MAX = 31;
/** Before and after these no usage can be, and not every calendar reaches further. */
const EARLIEST_MS = 0;
const LATEST_MS = Date.UTC(9_999, 0, 1);

/** What is summed up, whoever asks. */
export type SumsRequest = Omit<UsageSumsQuery, 'workspaceId'>;

/**
 * @param at the path of the filter in the input, for errors
 * @throws AppError BAD_USER_INPUT with the field that is wrong
 */
export function readBucketFilter(filter: UsageBucketFilter, at: string): SumsRequest {
  const { start, end, width, groupBy } = filter;
  const zone = ZoneClock.find(filter.timeZone ?? 'UTC');
  if (!zone) {
    throw badInput(
      `${at}.timeZone`,
      `${at}.timeZone takes the name of an IANA time zone, as "Asia/Kolkata"; this is none that is known here.`,
    );
  }
  if (end <= start) throw badInput(`${at}.end`, `${at}.end must lie after ${at}.start.`);
  const [startMs, endMs] = [start.getTime(), end.getTime()];
  checkTime(`${at}.start`, startMs);
  checkTime(`${at}.end`, endMs);
  // An hour that the clocks skip or show twice lengthens no month beyond what is allowed.
  const shift = zone.offsetAt(endMs) - zone.offsetAt(startMs);
  const span = endMs - startMs + Math.min(shift, 0);
  if (span > DAYS_MAX[width] * DAY_MS) {
    throw badInput(
      `${at}.end`,
      `Buckets of one ${width} take at most ${DAYS_MAX[width]} days between ${at}.start and ${at}.end; ask for the rest apart${width === 'HOUR' ? ', or by DAY' : ''}.`,
    );
  }
  if (groupBy.includes('VOICE_ID') && groupBy.includes('VOICE_NAME')) {
    throw badInput(
      `${at}.groupBy`,
      `${at}.groupBy takes VOICE_ID or VOICE_NAME, not both: a voice can change its name and voices can share one, so rows of both would be ambiguous.`,
    );
  }
  return {
    edges: bucketEdges(zone, width, startMs, endMs),
    dimensions: orderedDimensions(groupBy),
    filter: {
      capabilities: checkListSize(`${at}.capabilities`, filter.capabilities),
      providers: storableIds(checkListSize(`${at}.providers`, filter.providers)),
      apiKeyIds: storableIds(checkListSize(`${at}.apiKeyIds`, filter.apiKeyIds), 'uuid'),
      endUserIds: checkEndUserIds(`${at}.endUserIds`, filter.endUserIds),
    },
  };
}

/**
 * One bucket a day of UTC, text to speech alone.
 * @param at the path of the dates in the input with a point after it; empty for arguments
 * @throws AppError BAD_USER_INPUT with the field that is wrong
 */
export function readVoiceUsageRange({ startDate, endDate }: VoiceUsageRangeInput, at: string): SumsRequest {
  const [startMs, lastMs] = [Date.parse(startDate), Date.parse(endDate)];
  if (lastMs < startMs) throw badInput(`${at}endDate`, `${at}endDate must be ${at}startDate or a later day.`);
  checkTime(`${at}startDate`, startMs);
  checkTime(`${at}endDate`, lastMs + DAY_MS);
  const days = (lastMs - startMs) / DAY_MS + 1;
  if (days > VOICE_USAGE_DAYS_MAX) {
    throw badInput(
      `${at}endDate`,
      `${at}endDate may lie at most ${VOICE_USAGE_DAYS_MAX - 1} days after ${at}startDate; ask for the rest apart.`,
    );
  }
  return {
    edges: Array.from({ length: days + 1 }, (_, day) => startMs + day * DAY_MS),
    dimensions: orderedDimensions(['VOICE_ID', 'STYLE', 'LANGUAGE', 'PROVIDER', 'MODEL']),
    filter: { capabilities: ['TEXT_TO_SPEECH'], providers: null, apiKeyIds: null, endUserIds: null },
  };
}

function checkTime(field: string, ms: number): void {
  if (ms < EARLIEST_MS || ms > LATEST_MS) throw badInput(field, `${field} takes a time between 1970 and 9998.`);
}
