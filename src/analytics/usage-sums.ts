import type { Database } from '../db/database';
import { DIMENSION_COLUMNS, type Dimension, type DimensionColumn } from './usage-dimensions';

/** Of the sums of a workspace, those that are wanted. A list narrows; null does not, and an empty one leaves nothing. */
export interface UsageSumsFilter {
  readonly capabilities: readonly string[] | null;
  readonly providers: readonly string[] | null;
  /** Each of them a UUID. */
  readonly apiKeyIds: readonly string[] | null;
  readonly endUserIds: readonly string[] | null;
}

export interface UsageSumsQuery {
  readonly workspaceId: string;
  /** Milliseconds since 1970, ascending, at least two: a bucket reaches from one edge to the next. */
  readonly edges: readonly number[];
  /** As `orderedDimensions` puts them; none: one row for each bucket. */
  readonly dimensions: readonly Dimension[];
  readonly filter: UsageSumsFilter;
}

/** A row's place in the list: its bucket, and one of the series that it sums up. */
export interface UsageSumsPlace {
  readonly startMs: number;
  readonly seriesId: string;
}

/** Sums of one bucket and one combination of what is grouped by; columns that are not grouped by are null. */
export interface UsageSum extends Readonly<Record<DimensionColumn, string | null>> {
  readonly place: UsageSumsPlace;
  readonly startMs: number;
  readonly endMs: number;
  /** The name that the voice had last, in what is asked for; null where voices are not told apart by id. */
  readonly newest_voice_name: string | null;
  /** Operations that ended, and those of them that failed. */
  readonly requests: number;
  readonly failures: number;
  /** Micro-credits, and 10^-10 dollars. */
  readonly credits: bigint;
  readonly costUsdE10: bigint;
  readonly characters: number;
  readonly audioMilliseconds: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

const SUMS = [
  'requests',
  'failures',
  'credits',
  'cost_usd_e10',
  'characters',
  'audio_milliseconds',
  'input_tokens',
  'output_tokens',
] as const;

type SumsRow = Readonly<Record<(typeof SUMS)[number], string>> &
  Readonly<Record<DimensionColumn, string | null>> & {
    readonly bucket: number;
    readonly series_id: string;
    readonly newest_voice_name: string | null;
  };

/**
 * Sums of usage by time and dimension, out of the sums that each settlement keeps: events are never read. One statement
 * finds the series that were used, gives each combination of what is grouped by its place in the order, and adds up
 * bucket by bucket what the index of the sums holds.
 *
 * The ids go through an array and buckets through a join with their edges on purpose: PostgreSQL then expects few rows
 * and neither sorts the quarters nor compiles the plan, which took three times as long as the query.
 */
export class UsageSums {
  constructor(private readonly database: Database) {}

  /**
   * In the order of time, then of the dimensions by code points, null last. Buckets without usage are left out.
   * @param after the place of the last row before; null: from the start
   */
  async read(query: UsageSumsQuery, after: UsageSumsPlace | null, limit: number): Promise<UsageSum[]> {
    const { workspaceId, dimensions, filter } = query;
    const times = query.edges.map((ms) => new Date(ms).toISOString());
    // Series are found, and have their places, by the whole list, whichever page is read.
    const begun = after ? query.edges.indexOf(after.startMs) : 0;
    const { rows } = await this.database.query<SumsRow>(statement(dimensions), [
      workspaceId,
      times[0],
      times.at(-1),
      times.slice(begun, -1),
      times.slice(begun + 1),
      filter.capabilities,
      filter.providers,
      filter.apiKeyIds,
      filter.endUserIds,
      after?.seriesId ?? null,
      limit,
    ]);
    const edges = query.edges.slice(begun);
    return rows.map((row) => sumOf(row, edges));
  }
}

function statement(dimensions: readonly Dimension[]): string {
  const columns = dimensions.map((dimension) => DIMENSION_COLUMNS[dimension]);
  // By code points, whatever the database sorts by, so that a list has one order everywhere.
  const order = columns.map((column) => (column === 'api_key_id' ? column : `${column} COLLATE "C"`)).join(', ');
  const place = order ? `dense_rank() OVER (ORDER BY ${order})` : '1::bigint';
  const newestName = columns.includes('voice_id')
    ? 'first_value(voice_name) OVER (PARTITION BY voice_id ORDER BY first_used_at DESC, id DESC)'
    : 'NULL::text';
  // A voice's newest name is the newest of those that it had in the range. Where no name is told, all series will do:
  // to look for those of the range takes half as long as everything else.
  const ofRange = columns.includes('voice_id')
    ? `AND id = ANY (ARRAY(
      SELECT DISTINCT series_id FROM usage_quarters WHERE workspace_id = $1 AND quarter >= $2 AND quarter < $3
    ))
    `
    : '';
  const told = Object.values(DIMENSION_COLUMNS)
    .map((column) => (columns.includes(column) ? `s.${column}` : `NULL AS ${column}`))
    .join(', ');
  return `
WITH ranked AS MATERIALIZED (
  SELECT id, id::text COLLATE "C" AS name, ${place} AS place, ${newestName} COLLATE "C" AS voice_name
  FROM usage_series
  WHERE workspace_id = $1 ${ofRange}AND ($6::text[] IS NULL OR capability = ANY ($6)) AND ($7::text[] IS NULL OR provider_id = ANY ($7))
    AND ($8::uuid[] IS NULL OR api_key_id = ANY ($8)) AND ($9::text[] IS NULL OR end_user_id = ANY ($9))
), page AS (
  SELECT b.number::integer AS bucket, sums.*
  FROM unnest($4::timestamptz[], $5::timestamptz[]) WITH ORDINALITY AS b (low, high, number)
  CROSS JOIN LATERAL (
    SELECT r.place, min(r.name)::uuid AS series_id, min(r.voice_name) AS newest_voice_name,
      ${SUMS.map((sum) => `sum(q.${sum}) AS ${sum}`).join(', ')}
    FROM usage_quarters q JOIN ranked r ON r.id = q.series_id
    WHERE q.workspace_id = $1 AND q.quarter >= b.low AND q.quarter < b.high
      AND q.quarter >= $2::timestamptz AND q.quarter < $3::timestamptz
      AND ($10::uuid IS NULL OR b.number > 1 OR r.place > COALESCE((SELECT place FROM ranked WHERE id = $10), 0))
    GROUP BY r.place
  ) sums
  ORDER BY 1, 2
  LIMIT $11
)
SELECT p.*, ${told}
FROM page p JOIN usage_series s ON s.workspace_id = $1 AND s.id = p.series_id
ORDER BY p.bucket, p.place`;
}

function sumOf({ bucket, series_id, ...row }: SumsRow, edges: readonly number[]): UsageSum {
  const startMs = edges[bucket - 1]!;
  return {
    place: { startMs, seriesId: series_id },
    startMs,
    endMs: edges[bucket]!,
    provider_id: row.provider_id,
    capability: row.capability,
    model: row.model,
    voice_id: row.voice_id,
    voice_name: row.voice_name,
    language: row.language,
    style: row.style,
    api_key_id: row.api_key_id,
    end_user_id: row.end_user_id,
    credential: row.credential,
    newest_voice_name: row.newest_voice_name,
    requests: Number(row.requests),
    failures: Number(row.failures),
    credits: BigInt(row.credits),
    costUsdE10: BigInt(row.cost_usd_e10),
    characters: Number(row.characters),
    audioMilliseconds: Number(row.audio_milliseconds),
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
  };
}
