import type { CountedCapability, UsageSpan } from '../../providers/contract/usage';
import type { Database } from '../db/database';
import type { Step } from './calendar';
import type { OwnQuantities } from './quantity';

const WORKSPACES_A_PAGE = 50;
const EVENTS_A_PAGE = 2_000;
const NO_ID = '00000000-0000-0000-0000-000000000000';

/** Sums of what one provider was given, by date, capability and the unit that the provider counted in, if it told one. */
export interface UsageSum extends OwnQuantities {
  readonly date: string;
  readonly capability: CountedCapability;
  /** null: the provider told nothing of these operations. */
  readonly counted_in: string | null;
  /** The sum of what it told, in millionths, as a decimal text. */
  readonly counted: string;
}

/** One operation of which the provider was asked something. */
export interface UsedEvent extends OwnQuantities {
  readonly id: string;
  readonly workspace_id: string;
  readonly capability: CountedCapability;
  readonly settled_at: Date;
  /** false: it failed, or another provider served it, so that we count nothing for this one. */
  readonly counts: boolean;
  readonly counted_in: string | null;
  readonly counted: string;
  /** The provider's ids of its requests. */
  readonly request_ids: readonly string[];
  readonly place: string;
}

/**
 * What an operation counts for its provider. One that failed counts where the provider had done its work all the same: it
 * told a count, a language model its tokens, or its answer was complete and was lost on our side; then a recording counts with
 * the length that was measured beforehand. What is UNKNOWN is not here.
 */
const COUNTS = `(e.status IN ('SUCCEEDED', 'ABORTED') OR (e.status = 'FAILED' AND (e.provider_count IS NOT NULL
  OR (e.capability = 'LANGUAGE_MODEL' AND e.input_tokens + e.output_tokens > 0)
  OR e.attempts @> jsonb_build_array(jsonb_build_object('provider', $4::text, 'credential', 'PLATFORM',
    'outcome', 'SERVED')))))`;
const COUNTED_IN = `CASE WHEN jsonb_typeof(e.provider_count -> 'quantity') = 'number' THEN e.provider_count ->> 'unit' END`;
const COUNTED = `CASE WHEN jsonb_typeof(e.provider_count -> 'quantity') = 'number'
  THEN (e.provider_count ->> 'quantity')::numeric * 1000000 ELSE 0 END`;
const AUDIO = `CASE WHEN e.status = 'FAILED' AND e.capability = 'SPEECH_TO_TEXT' AND e.audio_milliseconds = 0
  THEN COALESCE(e.estimated_audio_milliseconds, 0) ELSE e.audio_milliseconds END`;
/** Ids hold the time at which their operation began: the bounds leave out the partitions of other months. */
const IN_SPAN = `e.settled_at >= $2 AND e.settled_at < $3
  AND e.id >= first_id_of($2::timestamptz - interval '1 day') AND e.id < first_id_of($3::timestamptz + interval '1 day')`;

const WORKSPACES = `SELECT a.workspace_id FROM accounts a WHERE a.workspace_id > $1
  AND EXISTS (SELECT FROM usage_events e WHERE e.workspace_id = a.workspace_id AND ${IN_SPAN})
  ORDER BY a.workspace_id LIMIT ${WORKSPACES_A_PAGE}`;

const SUMS = `SELECT to_char(date_trunc($5::text, e.settled_at AT TIME ZONE 'UTC'), 'YYYY-MM-DD') AS date, e.capability,
    e.counted_in, round(sum(e.counted))::text AS counted, sum(e.characters)::text AS characters,
    sum(e.audio)::text AS audio_milliseconds, sum(e.input_tokens)::text AS input_tokens,
    sum(e.output_tokens)::text AS output_tokens
  FROM unnest($1::uuid[]) w (id) CROSS JOIN LATERAL (
    SELECT e.settled_at, e.capability, ${COUNTED_IN} AS counted_in, ${COUNTED} AS counted, e.characters,
      ${AUDIO} AS audio, e.input_tokens, e.output_tokens
    FROM usage_events e WHERE e.workspace_id = w.id AND ${IN_SPAN} AND e.provider_id = $4
      AND e.credential = 'PLATFORM' AND e.status <> 'UNKNOWN' AND ${COUNTS}
  ) e GROUP BY 1, 2, 3`;

const EVENTS = `SELECT e.id, e.workspace_id, e.capability, e.settled_at, e.settled_at::text AS place,
    e.provider_id = $4 AND e.credential = 'PLATFORM' AND ${COUNTS} AS counts, ${COUNTED_IN} AS counted_in,
    round(${COUNTED})::text AS counted, e.characters, ${AUDIO} AS audio_milliseconds, e.input_tokens, e.output_tokens,
    ARRAY(SELECT a ->> 'upstreamRequestId' FROM jsonb_array_elements(e.attempts) a WHERE a ->> 'provider' = $4
      AND a ->> 'credential' = 'PLATFORM' AND a ->> 'upstreamRequestId' IS NOT NULL) AS request_ids
  FROM usage_events e WHERE e.workspace_id = $1 AND ${IN_SPAN} AND e.status <> 'UNKNOWN'
    AND ((e.provider_id = $4 AND e.credential = 'PLATFORM') OR (e.requests > 1 AND e.attempts @> jsonb_build_array(
      jsonb_build_object('provider', $4::text, 'credential', 'PLATFORM'))))
    AND (e.settled_at, e.id) > ($5::timestamptz, $6::uuid)
  ORDER BY e.settled_at, e.id LIMIT ${EVENTS_A_PAGE}`;

/** Reads what the platform's own credential was used for, over all workspaces, some of them at a time. */
export class OurUsage {
  constructor(private readonly database: Database) {}

  /** By the step in which operations settled. `onPage` is told how many workspaces have been read. */
  async sums(
    provider: string,
    { start, end }: UsageSpan,
    step: Step,
    onPage: (workspaces: number) => void,
  ): Promise<readonly UsageSum[]> {
    const sums: UsageSum[] = [];
    let read = 0;
    for await (const ids of this.workspaces(start, end)) {
      const { rows } = await this.database.query<UsageSum>(SUMS, [ids, start, end, provider, step.toLowerCase()]);
      sums.push(...rows);
      read += ids.length;
      onPage(read);
    }
    return sums;
  }

  /** In pages; nothing is kept. */
  async *events(
    provider: string,
    { start, end }: UsageSpan,
    onPage: (workspaces: number) => void,
  ): AsyncGenerator<UsedEvent> {
    let read = 0;
    for await (const ids of this.workspaces(start, end)) {
      for (const id of ids) yield* this.eventsOf(id, provider, start, end);
      read += ids.length;
      onPage(read);
    }
  }

  private async *eventsOf(workspaceId: string, provider: string, start: Date, end: Date): AsyncGenerator<UsedEvent> {
    // A moment is exact to the microsecond, which a Date is not.
    let place = '-infinity';
    let id = NO_ID;
    for (;;) {
      const { rows } = await this.database.query<UsedEvent>(EVENTS, [workspaceId, start, end, provider, place, id]);
      yield* rows;
      const last = rows.at(-1);
      if (!last || rows.length < EVENTS_A_PAGE) return;
      ({ place, id } = last);
    }
  }

  /** Those that settled something in the span. */
  private async *workspaces(start: Date, end: Date): AsyncGenerator<readonly string[]> {
    let last = NO_ID;
    for (;;) {
      const { rows } = await this.database.query<{ workspace_id: string }>(WORKSPACES, [last, start, end]);
      if (rows.length > 0) yield rows.map(({ workspace_id }) => workspace_id);
      if (rows.length < WORKSPACES_A_PAGE) return;
      last = rows.at(-1)!.workspace_id;
    }
  }
}
