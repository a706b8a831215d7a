import type { UsageLog } from '../../analytics/usage-log';
import type { UsageSum, UsageSums, UsageSumsPlace } from '../../analytics/usage-sums';
import { OperationUsageView } from '../views/operation-usage-view';
import { usageBucketView, voiceUsageView } from '../views/usage-sum-view';
import type { SumsRequest } from './bucket-request';
import type { ExportedList, StoredEventFilter } from './exported-lists';

export type ExportedRow = Readonly<Record<string, unknown>>;

/** Rows that are read, and held, at a time. */
const PAGE_ROWS = 1_000;
/** Sums are read by slices of time: a page of sums adds up all that lies behind it in its slice. */
const SLICE_MS = 7 * 86_400_000;

/** All rows of exported lists, a page at a time, each page read when the one before is taken. */
export class ExportedRows {
  constructor(
    private readonly sources: { readonly sums: UsageSums; readonly log: UsageLog },
    private readonly pageRows = PAGE_ROWS,
  ) {}

  pages(workspaceId: string, list: ExportedList): AsyncGenerator<readonly ExportedRow[], void, void> {
    if (list.kind === 'usage-events') return this.events(workspaceId, list.filter);
    // The names of voices are those of the whole month, which is read at once.
    return list.kind === 'voice-usage'
      ? this.sums(workspaceId, list, [list.edges], (sum) => ({ ...voiceUsageView(sum) }))
      : this.sums(workspaceId, list, slices(list.edges), (sum) => ({ ...usageBucketView(sum) }));
  }

  private async *sums(
    workspaceId: string,
    { dimensions, filter }: SumsRequest,
    pieces: readonly (readonly number[])[],
    view: (sum: UsageSum) => ExportedRow,
  ): AsyncGenerator<readonly ExportedRow[], void, void> {
    for (const edges of pieces) {
      let after: UsageSumsPlace | null = null;
      do {
        const query = { workspaceId, edges, dimensions, filter };
        const rows: readonly UsageSum[] = await this.sources.sums.read(query, after, this.pageRows);
        if (rows.length > 0) yield rows.map(view);
        after = rows.length < this.pageRows ? null : rows.at(-1)!.place;
      } while (after);
    }
  }

  private async *events(
    workspaceId: string,
    { start, end, ...rest }: StoredEventFilter,
  ): AsyncGenerator<readonly ExportedRow[], void, void> {
    const filter = {
      ...rest,
      start: start === null ? null : new Date(start),
      end: end === null ? null : new Date(end),
    };
    let before: string | null = null;
    do {
      const rows = await this.sources.log.read({ workspaceId, filter }, before, this.pageRows);
      if (rows.length > 0) yield rows.map((row) => new OperationUsageView(row) as object as ExportedRow);
      before = rows.length < this.pageRows ? null : rows.at(-1)!.sequence;
    } while (before !== null);
  }
}

/** The same edges in pieces of about a week; the last of one is the first of the next. */
export function slices(edges: readonly number[]): number[][] {
  const pieces: number[][] = [];
  for (let from = 0; from < edges.length - 1; ) {
    const beyond = edges.findIndex((edge, index) => index > from && edge - edges[from]! >= SLICE_MS);
    const to = beyond < 0 ? edges.length - 1 : beyond;
    pieces.push(edges.slice(from, to + 1));
    from = to;
  }
  return pieces;
}
