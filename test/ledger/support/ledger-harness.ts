import { BillingAccounts } from '../../../src/billing/accounts';
import { Balances } from '../../../src/billing/balances';
import type { PlanTerms } from '../../../src/billing/plan-terms';
import type { Database } from '../../../src/db/database';
import type { EventDraft, EventRecord, ReserveRequest, SettleRequest } from '../../../src/ledger/entries';
import { PostgresLedger } from '../../../src/ledger/ledger';
import { type VerifyReport, verifyLedger } from '../../../src/ledger/verify';
import { systemClock } from '../../../src/lib/clock';
import { type MicroCredits, micro, usdE10, ZERO } from '../../../src/lib/credits';
import { newId } from '../../../src/lib/ids';

/** Plans in round numbers of micro-credits, so that tables can be read. */
export const PLANS: Readonly<Record<string, PlanTerms>> = {
  capped: {
    id: 'capped',
    name: 'Capped',
    custom: false,
    priceUsd: usdE10(0),
    monthlyCredits: micro(100),
    overageRate: null,
    carryoverMonths: 0,
    monthlyCharacters: 50,
  },
  open: {
    id: 'open',
    name: 'Open',
    custom: false,
    priceUsd: usdE10(290_000_000_000n),
    monthlyCredits: micro(100),
    overageRate: 8,
    carryoverMonths: 1,
    monthlyCharacters: 0,
  },
  empty: {
    id: 'empty',
    name: 'Empty',
    custom: false,
    priceUsd: usdE10(0),
    monthlyCredits: micro(0),
    overageRate: null,
    carryoverMonths: 0,
    monthlyCharacters: 0,
  },
  agreed: {
    id: 'agreed',
    name: 'Agreed',
    custom: true,
    priceUsd: null,
    monthlyCredits: null,
    overageRate: null,
    carryoverMonths: 0,
    monthlyCharacters: null,
  },
};

export const DRAFT: EventDraft = {
  capability: 'TEXT_TO_SPEECH',
  provider_id: 'stub',
  model: 'stub/one',
  credential: 'PLATFORM',
  voice_id: null,
  voice_name: null,
  language: null,
  style: null,
  quality: null,
  api_key_id: null,
  end_user_id: null,
  metadata: null,
  characters: 1,
  input_tokens: 1,
  output_tokens: 0,
  requests: 1,
  estimated_credits: '0',
  estimated_audio_milliseconds: null,
  rate_card_version: 'test',
  attempts: [],
  artifact: null,
};

export const SUCCEEDED: EventRecord = {
  ...DRAFT,
  status: 'SUCCEEDED',
  error_code: null,
  client_token_id: null,
  audio_milliseconds: 0,
  provider_count: null,
  latency_ms: 1,
};

/** A reserve of plain credits, which more can be laid over. */
export const reserveOf = (workspaceId: string, operationId: string, credits: MicroCredits): ReserveRequest => ({
  operationId,
  workspaceId,
  credits,
  units: 0,
  rate: null,
  per: 1,
  allowanceEligible: false,
  allowanceOnly: false,
  maxCredits: null,
  clientTokenId: null,
  listCredits: ZERO,
  idempotency: null,
  details: DRAFT,
});

/** A ledger with its accounts on one database, as one server process has it. */
export class LedgerHarness {
  readonly accounts: BillingAccounts;
  readonly balances: Balances;
  readonly ledger: PostgresLedger;

  constructor(readonly database: Database) {
    this.accounts = new BillingAccounts(
      database,
      (id) => PLANS[id] ?? null,
      () => {},
    );
    this.balances = new Balances(database, (id) => this.accounts.roll(id));
    this.ledger = new PostgresLedger({
      database,
      clock: systemClock,
      owner: newId(),
      roll: (id) => this.accounts.roll(id),
    });
  }

  async workspace(plan: string): Promise<string> {
    const id = newId();
    await this.database.transaction(async (tx) => {
      await tx.query('INSERT INTO workspaces (id, name) VALUES ($1, $2)', [id, plan]);
      await this.accounts.open(tx, id, plan);
    });
    return id;
  }

  reserve(workspaceId: string, credits: number, more: Partial<ReserveRequest> = {}) {
    const operationId = more.operationId ?? newId();
    const request: ReserveRequest = { ...reserveOf(workspaceId, operationId, micro(credits)), ...more };
    return this.ledger.reserve(request).then((outcome) => ({ operationId, ...outcome }));
  }

  settle(workspaceId: string, operationId: string, credits: number, more: Partial<SettleRequest> = {}) {
    return this.ledger.settle({
      operationId,
      workspaceId,
      credits: micro(credits),
      allowance: 0,
      listCredits: ZERO,
      event: SUCCEEDED,
      ...more,
    });
  }

  async account(workspaceId: string) {
    const { rows } = await this.database.query<Record<string, string>>(
      'SELECT spendable, held, overage_used, overage_held, allowance_used, allowance_held FROM accounts WHERE workspace_id = $1',
      [workspaceId],
    );
    return Object.fromEntries(Object.entries(rows[0]!).map(([name, value]) => [name, Number(value)]));
  }

  async holds(workspaceId: string): Promise<number> {
    const { rows } = await this.database.query<{ count: string }>(
      'SELECT count(*) AS count FROM holds WHERE workspace_id = $1',
      [workspaceId],
    );
    return Number(rows[0]!.count);
  }

  verify(): Promise<VerifyReport> {
    return this.database.transaction((tx) => verifyLedger(tx));
  }
}

export const credits = (value: number): MicroCredits => micro(value);
