import type { UsageBucketFilter } from '../../../schema/inputs/usage-bucket-filter';
import type { VoiceUsageRangeInput } from '../../../schema/inputs/usage-export-inputs';
import type { Connection } from '../../../schema/types/connection';
import type { UsageBucket } from '../../../schema/types/usage-bucket';
import type { VoiceUsageRow } from '../../../schema/types/voice-usage';
import type { UsageSum, UsageSums, UsageSumsPlace } from '../../analytics/usage-sums';
import type { PrincipalContext } from '../../identity/caller';
import { decodeCursor, encodeCursor, foreignCursor, pageOf } from '../../lib/cursors';
import { isId } from '../../lib/ids';
import { usageBucketView, voiceUsageView } from '../views/usage-sum-view';
import { readBucketFilter, readVoiceUsageRange, type SumsRequest } from './bucket-request';

interface Page {
  readonly first: number;
  readonly after: string | null;
}

/** Usage in sums: by time and any dimensions, and by voice and day. */
export class UsageSumLists {
  constructor(private readonly sums: UsageSums) {}

  /** @throws AppError BAD_USER_INPUT */
  buckets(context: PrincipalContext, filter: UsageBucketFilter, page: Page): Promise<Connection<UsageBucket>> {
    return this.list(context, 'usageBuckets', readBucketFilter(filter, 'filter'), page, usageBucketView);
  }

  /** @throws AppError BAD_USER_INPUT */
  voiceUsage(context: PrincipalContext, range: VoiceUsageRangeInput, page: Page): Promise<Connection<VoiceUsageRow>> {
    return this.list(context, 'voiceUsage', readVoiceUsageRange(range, ''), page, voiceUsageView);
  }

  private async list<Node>(
    { principal: { workspaceId } }: PrincipalContext,
    query: string,
    request: SumsRequest,
    page: Page,
    view: (sum: UsageSum) => Node,
  ): Promise<Connection<Node>> {
    const binding = { workspaceId, query, filter: request };
    const after = placeOf(decodeCursor(binding, page.after), request.edges);
    const rows = await this.sums.read({ workspaceId, ...request }, after, page.first + 1);
    const found = pageOf(rows, page.first, page.after, ({ place }) =>
      encodeCursor(binding, [place.startMs.toString(), place.seriesId]),
    );
    return {
      pageInfo: found.pageInfo,
      edges: found.edges.map(({ cursor, node }) => ({ cursor, node: view(node) })),
    };
  }
}

function placeOf(position: readonly string[] | null, edges: readonly number[]): UsageSumsPlace | null {
  if (position === null) return null;
  const [start = '', seriesId = ''] = position;
  const startMs = Number(start);
  if (!edges.slice(0, -1).includes(startMs) || !isId(seriesId)) throw foreignCursor();
  return { startMs, seriesId };
}
