import type { UsageEventFilter } from '../../../schema/inputs/usage-event-filter';
import type { Connection } from '../../../schema/types/connection';
import type { OperationUsage } from '../../../schema/types/operation-usage';
import type { UsageLog, UsageLogFilter } from '../../analytics/usage-log';
import type { PrincipalContext } from '../../identity/caller';
import { decodeCursor, encodeCursor, foreignCursor, pageOf } from '../../lib/cursors';
import { badInput, notFound } from '../../lib/errors';
import { isId } from '../../lib/ids';
import type { UsageRepository } from '../usage-repository';
import { OperationUsageView } from '../views/operation-usage-view';
import { checkEndUserIn, checkListSize, storableIds } from './filter-rules';

/** Digits of PostgreSQL's bigint that never overflow it. */
const SEQUENCE = /^\d{1,18}$/;

/** Usage one by one. A client token sees its own alone. */
export class UsageEventList {
  constructor(
    private readonly log: UsageLog,
    private readonly usage: UsageRepository,
  ) {}

  /** Newest first. @throws AppError BAD_USER_INPUT */
  async events(
    { principal: { workspaceId, clientTokenId } }: PrincipalContext,
    filter: UsageEventFilter,
    page: { readonly first: number; readonly after: string | null },
  ): Promise<Connection<OperationUsage>> {
    const wanted = readEventFilter(filter, 'filter', clientTokenId);
    const binding = { workspaceId, query: 'usageEvents', filter: wanted };
    const [before = null] = decodeCursor(binding, page.after) ?? [];
    if (before !== null && !SEQUENCE.test(before)) throw foreignCursor();
    const rows = await this.log.read({ workspaceId, filter: wanted }, before, page.first + 1);
    const found = pageOf(rows, page.first, page.after, ({ sequence }) => encodeCursor(binding, [sequence]));
    return {
      pageInfo: found.pageInfo,
      edges: found.edges.map(({ cursor, node }) => ({ cursor, node: new OperationUsageView(node) as OperationUsage })),
    };
  }

  /** @throws AppError NOT_FOUND */
  async event({ principal: { workspaceId, clientTokenId } }: PrincipalContext, id: string): Promise<OperationUsage> {
    const row = isId(id) ? await this.usage.event(id, workspaceId) : null;
    if (!row || (clientTokenId !== null && row.client_token_id !== clientTokenId)) throw notFound('usage event');
    return new OperationUsageView(row) as OperationUsage;
  }
}

/**
 * @param at the path of the filter in the input, for errors
 * @throws AppError BAD_USER_INPUT with the field that is wrong
 */
export function readEventFilter(filter: UsageEventFilter, at: string, clientTokenId: string | null): UsageLogFilter {
  const { start = null, end = null, status = null, endUserId, apiKeyId } = filter;
  if (start && end && end <= start) throw badInput(`${at}.end`, `${at}.end must lie after ${at}.start.`);
  return {
    start,
    end,
    capabilities: checkListSize(`${at}.capabilities`, filter.capabilities),
    providers: storableIds(checkListSize(`${at}.providers`, filter.providers)),
    status,
    endUserId: endUserId == null ? null : checkEndUserIn(`${at}.endUserId`, endUserId),
    apiKeyIds: apiKeyId == null ? null : storableIds([apiKeyId], 'uuid'),
    clientTokenId,
  };
}
