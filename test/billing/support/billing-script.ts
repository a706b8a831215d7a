import fc from 'fast-check';
import type { SubscriptionSnapshot } from '../../../src/billing/subscription';
import type { BillingModel } from './billing-model';
import { PaymentProvider } from './payment-provider';

const PLAN_IDS = ['free', 'starter', 'pro', 'scale'] as const;
const PAID_IDS = ['starter', 'pro', 'scale'] as const;
const DAY = 86_400_000;

export type Step = { readonly wait: number } & (
  | { readonly op: 'spend'; readonly credits: bigint }
  | { readonly op: 'spendShare'; readonly percent: number }
  | { readonly op: 'topUp'; readonly credits: bigint }
  | { readonly op: 'promote'; readonly credits: bigint; readonly days: number | null }
  | { readonly op: 'revoke'; readonly place: number }
  | { readonly op: 'limit'; readonly limit: bigint | null }
  | { readonly op: 'operatorPlan'; readonly planId: string; readonly atPeriodEnd: boolean }
  | { readonly op: 'subscribe'; readonly planId: string; readonly trialDays: number }
  | { readonly op: 'providerPlan'; readonly planId: string; readonly later: boolean }
  | { readonly op: 'fail' | 'unpaid' | 'pay' | 'cancel' | 'resume' | 'endNow' | 'hear' | 'hearOld' | 'renew' }
);

export interface Script {
  readonly planId: string;
  /** Milliseconds. */
  readonly start: number;
  readonly steps: readonly Step[];
}

/** What a step does to an account, whoever keeps it. */
export interface Account {
  spend(amount: bigint): Promise<unknown> | unknown;
  grant(kind: 'TOP_UP' | 'PROMOTION', credits: bigint, expiresAt: number | null): Promise<unknown> | unknown;
  revoke(place: number): Promise<unknown> | unknown;
  setLimit(limit: bigint | null): Promise<unknown> | unknown;
  setPlan(planId: string, atPeriodEnd: boolean): Promise<unknown> | unknown;
  apply(snapshot: SubscriptionSnapshot): Promise<unknown> | unknown;
  roll(): Promise<unknown> | unknown;
}

const micro = (most: number) => fc.bigInt({ min: 1n, max: BigInt(most) * 1_000_000n });
const simple = (
  ...ops: ('fail' | 'unpaid' | 'pay' | 'cancel' | 'resume' | 'endNow' | 'hear' | 'hearOld' | 'renew')[]
) => fc.constantFrom(...ops).map((op) => ({ op }));

const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('spend' as const), credits: micro(60_000) }) },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant('spendShare' as const), percent: fc.integer({ min: 1, max: 130 }) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('topUp' as const), credits: micro(20_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('promote' as const),
      credits: micro(3_000),
      days: fc.option(fc.integer({ min: 1, max: 100 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('revoke' as const), place: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('limit' as const), limit: fc.option(micro(80_000)) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('operatorPlan' as const),
      planId: fc.constantFrom(...PLAN_IDS),
      atPeriodEnd: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('subscribe' as const),
      planId: fc.constantFrom(...PAID_IDS),
      trialDays: fc.constantFrom(0, 0, 14),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('providerPlan' as const),
      planId: fc.constantFrom(...PAID_IDS),
      later: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: simple('fail', 'unpaid', 'pay', 'cancel', 'resume', 'endNow', 'hearOld', 'renew') },
  { weight: 7, arbitrary: simple('hear') },
);

/** Up to four things in each of 24 months, at any second of them. */
const month = fc
  .record({
    days: fc.integer({ min: 28, max: 31 }),
    operations: fc.array(operation, { maxLength: 4 }),
    seconds: fc.nat(80_000),
  })
  .map(({ days, operations, seconds }): Step[] => {
    const wait = Math.floor((days * DAY) / (operations.length + 1) / 1_000) * 1_000 + seconds * 1_000;
    return [...operations, { op: 'renew' as const }].map((step) => ({ ...step, wait }) as Step);
  });

export const scripts: fc.Arbitrary<Script> = fc
  .record({
    planId: fc.constantFrom(...PLAN_IDS),
    // The end of January before a leap year's February, and any other moment of three years, to the millisecond.
    start: fc.oneof(
      fc
        .constantFrom('2027-01-31T23:59:59.999Z', '2028-01-29T00:00:00.000Z', '2028-01-30T12:00:00.001Z')
        .map(Date.parse),
      fc.integer({ min: Date.parse('2027-01-01T00:00:00Z'), max: Date.parse('2030-01-01T00:00:00Z') }),
    ),
    months: fc.array(month, { minLength: 24, maxLength: 24 }),
  })
  .map(({ planId, start, months }) => ({ planId, start, steps: months.flat() }));

/**
 * Plays a script on a model and, beside it, on any other account. `between` is called after each step with the model
 * as it is.
 */
export async function play(
  script: Script,
  model: BillingModel,
  other: Account | null,
  between: (step: Step, provider: PaymentProvider) => Promise<void> | void,
  moved: (now: number) => Promise<void> | void = () => {},
): Promise<void> {
  for (const run of steps(script, model)) {
    if (other) {
      await moved(model.now);
      const [ours, theirs] = [run.act(model), await run.act(other)];
      if (ours !== theirs) throw new Error(`${run.step.op}: the model says ${ours}, the account ${String(theirs)}`);
    } else run.act(model);
    await between(run.step, run.provider);
  }
}

/** The same without anything to wait for. */
export function playAlone(
  script: Script,
  model: BillingModel,
  between: (step: Step, provider: PaymentProvider) => void,
): void {
  for (const run of steps(script, model)) {
    run.act(model);
    between(run.step, run.provider);
  }
}

interface Run {
  readonly step: Step;
  readonly provider: PaymentProvider;
  act(account: Account): unknown;
}

let players = 0;

function* steps({ steps: list }: Script, model: BillingModel): Generator<Run> {
  players += 1;
  const provider = new PaymentProvider(`customer-${players}`);
  let heard: SubscriptionSnapshot | null = null;
  let old: SubscriptionSnapshot | null = null;
  for (const step of list) {
    model.wait(step.wait);
    provider.advance(model.now);
    model.roll();
    let act: (account: Account) => unknown = (account) => account.roll();
    switch (step.op) {
      case 'spend':
        act = (account) => account.spend(step.credits);
        break;
      case 'spendShare': {
        const amount = (model.spendable * BigInt(step.percent)) / 100n;
        act = (account) => account.spend(amount);
        break;
      }
      case 'topUp':
        act = (account) => account.grant('TOP_UP', step.credits, null);
        break;
      case 'promote': {
        const until = step.days === null ? null : model.now + step.days * DAY;
        act = (account) => account.grant('PROMOTION', step.credits, until);
        break;
      }
      case 'revoke':
        act = (account) => account.revoke(step.place);
        break;
      case 'limit':
        act = (account) => account.setLimit(step.limit);
        break;
      case 'operatorPlan':
        act = (account) => account.setPlan(step.planId, step.atPeriodEnd);
        break;
      case 'hear': {
        const snapshot = provider.snapshot(model.now);
        if (!snapshot) break;
        [old, heard] = [heard, snapshot];
        act = (account) => account.apply(snapshot);
        break;
      }
      case 'hearOld': {
        const late = old;
        if (late) act = (account) => account.apply(late);
        break;
      }
      case 'subscribe':
        provider.subscribe(step.planId, step.trialDays, model.now);
        break;
      case 'providerPlan':
        provider.changePlan(step.planId, step.later);
        break;
      case 'cancel':
      case 'resume':
        provider.cancelAtPeriodEnd(step.op === 'cancel');
        break;
      case 'fail':
        provider.fail();
        break;
      case 'unpaid':
        provider.unpaid();
        break;
      case 'pay':
        provider.pay();
        break;
      case 'endNow':
        provider.endNow();
        break;
      case 'renew':
        break;
    }
    yield { step, provider, act };
  }
}
