import type { UsageEventFilter } from '../../../schema/inputs/usage-event-filter';
import type { Connection } from '../../../schema/types/connection';
import type { OperationUsage } from '../../../schema/types/operation-usage';
import type { UsageSummary } from '../../../schema/types/usage-summary';
import type { AccountBalance, Balances } from '../../billing/balances';
import type { Database } from '../../db/database';
import type { PrincipalContext } from '../../identity/caller';
import { formatCredits } from '../../lib/credits';
import { AppError, badInput, notFound } from '../../lib/errors';
import { meteredWindow } from '../../limits/request-limits';
import type { RequestWindows } from '../../limits/request-windows';
import { planOf } from '../../metering/agreed-terms';
import type { PriceBook } from '../../metering/price-book';
import type { UsageEventList } from '../usage/usage-event-list';
import { planView } from './plan-view';

export interface UsageDependencies {
  readonly database: Database;
  readonly events: UsageEventList;
  readonly balances: Balances;
  readonly book: PriceBook;
  readonly windows: RequestWindows;
}

type Breakdown = Record<'tts' | 'stt' | 'llm' | 'rag', bigint>;
const KINDS: Readonly<Record<string, keyof Breakdown>> = {
  TEXT_TO_SPEECH: 'tts',
  SPEECH_TO_TEXT: 'stt',
  LANGUAGE_MODEL: 'llm',
  EMBEDDING: 'rag',
  RETRIEVAL: 'rag',
};

interface PeriodFigures {
  readonly number: number;
  readonly start: Date;
  readonly end: Date;
  /** Micro-credits: included + carried over + topped up. */
  readonly limit: bigint;
  readonly characters: { readonly used: bigint; readonly limit: bigint | null };
}

/** What was used, in sum and one by one. */
export class UsageOperations {
  constructor(private readonly dependencies: UsageDependencies) {}

  async summary(context: PrincipalContext, at: Date | null): Promise<UsageSummary> {
    const { workspaceId } = context.principal;
    const { balances, book, database, windows } = this.dependencies;
    const account = await balances.read(workspaceId);
    if (!account) throw notFound('workspace');
    const plan = planOf(book, account.planId, account.agreed);
    if (!plan)
      throw new AppError(
        'UNAVAILABLE',
        `The price book has no plan "${account.planId}" any more; the operator has to add it.`,
      );
    const period = await this.period(account, at);
    const totals = await database.query<{ capability: string; credits: string; requests: string }>(
      'SELECT capability, credits, requests FROM usage_totals WHERE workspace_id = $1 AND period_number = $2',
      [workspaceId, period.number],
      'usage_totals',
    );
    const breakdown: Breakdown = { tts: 0n, stt: 0n, llm: 0n, rag: 0n };
    let requests = 0;
    for (const row of totals.rows) {
      breakdown[KINDS[row.capability] ?? 'rag'] += BigInt(row.credits);
      requests += Number(row.requests);
    }
    const used = breakdown.tts + breakdown.stt + breakdown.llm + breakdown.rag;
    return {
      id: `${workspaceId}:${period.number}`,
      plan: planView(plan),
      periodStart: period.start,
      periodEnd: period.end,
      credits: amount(used, period.limit, formatCredits),
      breakdown: {
        tts: formatCredits(breakdown.tts),
        stt: formatCredits(breakdown.stt),
        llm: formatCredits(breakdown.llm),
        rag: formatCredits(breakdown.rag),
      },
      requestCount: requests,
      characters: amount(period.characters.used, period.characters.limit, String),
      requests: async () => {
        const [window] = await windows.peek([meteredWindow(workspaceId, 0, plan.requestsPerMinute)]);
        return { rateLimit: plan.requestsPerMinute, currentMinute: window?.used ?? 0 };
      },
      apiKeys: async () => ({ active: await this.activeKeys(workspaceId), max: plan.maxApiKeys }),
    };
  }

  events(
    context: PrincipalContext,
    filter: UsageEventFilter,
    page: { readonly first: number; readonly after: string | null },
  ): Promise<Connection<OperationUsage>> {
    return this.dependencies.events.events(context, filter, page);
  }

  event(context: PrincipalContext, id: string): Promise<OperationUsage> {
    return this.dependencies.events.event(context, id);
  }

  /** The period that holds a moment; a past one from what its grants and journal say. */
  private async period(account: AccountBalance, at: Date | null): Promise<PeriodFigures> {
    const { workspaceId } = account;
    if (at === null || (at >= account.periodStart && at < account.periodEnd)) {
      return {
        number: account.periodNumber,
        start: account.periodStart,
        end: account.periodEnd,
        limit: account.included + account.carriedOver + account.toppedUp,
        characters: { used: account.allowanceUsed, limit: account.allowanceLimit },
      };
    }
    const { database } = this.dependencies;
    // A period that was cut to nothing by a subscription's beginning holds no moment.
    const { rows } = await database.query<{ number: number; period_start: Date; period_end: Date }>(
      `SELECT number, period_start, period_end FROM billing_periods
       WHERE workspace_id = $1 AND period_start <= $2 AND period_end > $2`,
      [workspaceId, at],
    );
    const found = rows[0];
    if (!found) throw badInput('at', 'at must lie in a period of this workspace, the present one or an earlier one.');
    const { number } = found;
    const sums = await database.query<{ granted: string; opening: string; characters: string }>(
      `SELECT
         COALESCE((SELECT sum(credits) FROM grants WHERE workspace_id = $1 AND period_number = $2
           AND kind IN ('MONTHLY', 'TOP_UP')), 0) AS granted,
         COALESCE((SELECT sum(j.amount) FROM journal j JOIN grants g ON g.id = j.grant_id WHERE j.workspace_id = $1
           AND j.period_number < $2 AND g.kind IN ('MONTHLY', 'TOP_UP')), 0) AS opening,
         COALESCE((SELECT -sum(amount) FROM journal WHERE workspace_id = $1 AND period_number = $2
           AND bucket = 'allowance'), 0) AS characters`,
      [workspaceId, number],
    );
    const row = sums.rows[0]!;
    return {
      number,
      start: found.period_start,
      end: found.period_end,
      limit: BigInt(row.granted) + BigInt(row.opening),
      characters: { used: BigInt(row.characters), limit: account.allowanceLimit },
    };
  }

  private async activeKeys(workspaceId: string): Promise<number> {
    const { rows } = await this.dependencies.database.query<{ count: string }>(
      `SELECT count(*) AS count FROM api_keys WHERE workspace_id = $1 AND revoked_at IS NULL
         AND (expires_at IS NULL OR expires_at > ledger_now())`,
      [workspaceId],
    );
    return Number(rows[0]!.count);
  }
}

function amount(used: bigint, limit: bigint | null, format: (value: bigint) => string) {
  const left = limit === null ? null : limit > used ? limit - used : 0n;
  return {
    used: format(used),
    limit: limit === null ? null : format(limit),
    remaining: left === null ? null : format(left),
  };
}
