import type { AlertRuleInput, UpdateAlertRuleInput } from '../../../schema/inputs/alert-inputs';
import type { JsonObject } from '../../../schema/scalars/json-object';
import type { Alert, AlertRule as AlertRuleView } from '../../../schema/types/alert';
import type { Connection } from '../../../schema/types/connection';
import type { AlertFeed } from '../../alerts/alert-feed';
import { type AlertRow, type AlertRule, THRESHOLD_DECIMALS } from '../../alerts/alert-kinds';
import type { AlertLog } from '../../alerts/alert-log';
import type { AlertRules } from '../../alerts/alert-rules';
import type { PrincipalContext } from '../../identity/caller';
import { formatScaled } from '../../lib/credits';
import { type CursorBinding, decodeCursor, encodeCursor, foreignCursor, pageOf } from '../../lib/cursors';

/** Rules that are watched for a workspace, and what was raised by them. */
export class AlertOperations {
  constructor(
    private readonly rules: AlertRules,
    private readonly log: AlertLog,
    private readonly feed: AlertFeed,
  ) {}

  async listRules(context: PrincipalContext): Promise<readonly AlertRuleView[]> {
    return (await this.rules.list(context.principal.workspaceId)).map(ruleView);
  }

  async createRule(context: PrincipalContext, input: AlertRuleInput): Promise<AlertRuleView> {
    return ruleView(await this.rules.create(context.principal.workspaceId, input));
  }

  async updateRule(context: PrincipalContext, { id, ...change }: UpdateAlertRuleInput): Promise<AlertRuleView> {
    return ruleView(await this.rules.update(context.principal.workspaceId, id, change));
  }

  deleteRule(context: PrincipalContext, id: string): Promise<void> {
    return this.rules.remove(context.principal.workspaceId, id);
  }

  /** Newest first. */
  async list(
    context: PrincipalContext,
    page: { readonly first: number; readonly after: string | null },
  ): Promise<Connection<Alert>> {
    const { workspaceId } = context.principal;
    const binding = { workspaceId, query: 'alerts' };
    const rows = await this.log.newest(workspaceId, sequenceOf(binding, page.after), page.first + 1);
    const found = pageOf(rows, page.first, page.after, (row) => encodeCursor(binding, [row.sequence]));
    return {
      pageInfo: found.pageInfo,
      edges: found.edges.map(({ cursor, node }) => ({ cursor, node: alertView(node) })),
    };
  }

  /** In the order in which they are raised, each once. `after`: the cursor of the alert last seen. */
  async raised(context: PrincipalContext, after: string | null): Promise<AsyncIterable<Alert>> {
    const { workspaceId } = context.principal;
    return this.feed.open(workspaceId, sequenceOf(liveBinding(workspaceId), after), alertView);
  }
}

const liveBinding = (workspaceId: string): CursorBinding => ({ workspaceId, query: 'alertRaised' });

/** @throws AppError BAD_USER_INPUT for a cursor of anything else */
function sequenceOf(binding: CursorBinding, cursor: string | null): bigint | null {
  const [sequence] = decodeCursor(binding, cursor) ?? [];
  if (sequence === undefined) return null;
  if (!/^\d{1,18}$/.test(sequence)) throw foreignCursor();
  return BigInt(sequence);
}

const ruleView = (rule: AlertRule): AlertRuleView => ({
  id: rule.id,
  kind: rule.kind,
  threshold: rule.threshold === null ? null : formatScaled(rule.threshold, THRESHOLD_DECIMALS),
  expectedVoiceIds: rule.expectedVoiceIds,
  enabled: rule.enabled,
  createdAt: rule.createdAt,
});

const alertView = (row: AlertRow): Alert => ({
  id: row.id,
  cursor: encodeCursor(liveBinding(row.workspace_id), [row.sequence]),
  kind: row.kind,
  message: row.message,
  details: row.details as JsonObject,
  raisedAt: row.raised_at,
});
