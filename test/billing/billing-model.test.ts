import fc from 'fast-check';
import { invoiceLines } from '../../src/billing/invoice-lines';
import { printSeed, TEST_SEED } from '../support/test-seed';
import { BillingModel } from './support/billing-model';
import { playAlone, scripts } from './support/billing-script';
import { checkHistory, checkInvoice, checkSums } from './support/books-oracle';

printSeed();

const overageOf = (model: BillingModel, period: number) => {
  const byRate = new Map<number, bigint>();
  for (const entry of model.entries) {
    if (entry.kind !== 'overage' || entry.period !== period) continue;
    byRate.set(entry.rate!, (byRate.get(entry.rate!) ?? 0n) - entry.amount);
  }
  return [...byRate].sort(([a], [b]) => b - a).map(([rate, credits]) => ({ rate, credits }));
};

/** Whatever a repetition could change. */
const standing = (model: BillingModel): string => {
  const { period, planId, pendingPlanId, overageUsed, blocked } = model;
  const left = model.grants.map(({ remaining }) => remaining).join();
  const counts = [model.grants.length, model.periods.length, model.charges.length, model.entries.length];
  return [...counts, period.end, period.grantedCredits, planId, pendingPlanId, overageUsed, blocked, left].join(' ');
};

it('over 24 periods of plans, usage, changes, failed payments, cancellations and clocks the books are right at every step', () => {
  fc.assert(
    fc.property(scripts, (script) => {
      const model = new BillingModel(script.planId, script.start);
      let anchors: readonly number[] = [script.start];
      playAlone(script, model, (step, provider) => {
        anchors = [script.start, ...provider.anchors];
        checkSums(model);
        if (model.planId === 'free' && step.op === 'spend') {
          const last = model.entries.at(-1);
          if (last?.kind === 'overage' && last.at === model.now) throw new Error('overage was served on a hard cap');
        }
        if (step.op === 'hear' || step.op === 'renew') {
          // What has been heard, and a period that has been renewed, changes nothing when it comes again.
          const before = standing(model);
          const snapshot = step.op === 'hear' ? provider.snapshot(model.now) : null;
          if (snapshot) model.apply(snapshot);
          model.roll();
          if (standing(model) !== before) throw new Error(`${step.op} twice is not ${step.op} once`);
        }
      });
      checkHistory(model, anchors);
      for (const { number } of model.periods) {
        const charges = model.charges.filter(({ period }) => period === number);
        checkInvoice(model, number, invoiceLines(charges, overageOf(model, number)));
      }
    }),
    { numRuns: 10_000, seed: TEST_SEED },
  );
}, 600_000);
