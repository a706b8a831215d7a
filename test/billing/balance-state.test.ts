import { balanceMessage, balanceState } from '../../src/billing/balance-state';
import type { AccountBalance } from '../../src/billing/balances';

const credits = (value: number): bigint => BigInt(Math.round(value * 1_000_000));

const balance = (more: Partial<AccountBalance> = {}): AccountBalance => ({
  workspaceId: 'w',
  planId: 'starter',
  agreed: null,
  periodNumber: 0,
  periodStart: new Date(0),
  periodEnd: new Date(1),
  spendable: credits(1_000),
  held: 0n,
  overageRate: 10,
  overageLimit: credits(1_000),
  overageUsed: 0n,
  overageHeld: 0n,
  overageUsdE10: 0n,
  allowanceLimit: 0n,
  allowanceUsed: 0n,
  allowanceHeld: 0n,
  blocked: false,
  overageStopped: null,
  lowBalanceThreshold: null,
  usedCredits: 0n,
  lostCredits: 0n,
  included: credits(1_000),
  carriedOver: 0n,
  toppedUp: 0n,
  promotional: 0n,
  lastTopUp: null,
  grants: [],
  ...more,
});
const none = { spendable: 0n };
const capped = { overageRate: null, overageLimit: null };
const onCharacters = { included: 0n, spendable: 0n, ...capped, allowanceLimit: 1_000n };

it.each<[string, Partial<AccountBalance>, string, string | null]>([
  ['all that was granted', {}, 'HEALTHY', null],
  ['a micro-credit above a tenth', { spendable: credits(100) + 1n }, 'HEALTHY', null],
  ['a tenth', { spendable: credits(100) }, 'LOW', 'Top up or change the plan'],
  ['a tenth, the rest of it held', { spendable: credits(600), held: credits(500) }, 'LOW', '100 credits'],
  [
    'little of a top-up where the plan grants nothing',
    { included: 0n, lastTopUp: credits(5_000), spendable: credits(500) },
    'LOW',
    '500 credits',
  ],
  ['a micro-credit above the threshold of a rule', { lowBalanceThreshold: credits(1_000) - 1n }, 'HEALTHY', null],
  ['the threshold of a rule, above a tenth', { lowBalanceThreshold: credits(1_000) }, 'LOW', '1000 credits'],
  [
    'the threshold of a rule, by what is held',
    { lowBalanceThreshold: credits(600), held: credits(400) },
    'LOW',
    '600 credits',
  ],
  ['a tenth, the rule lower', { spendable: credits(100), lowBalanceThreshold: credits(1) }, 'LOW', '100 credits'],
  ['none, and overage, under a rule', { ...none, lowBalanceThreshold: 0n }, 'OVERAGE', 'billed as overage'],
  [
    'characters, most of them left, and a rule of credits',
    { ...onCharacters, lowBalanceThreshold: credits(5) },
    'HEALTHY',
    null,
  ],
  ['none, and overage', none, 'OVERAGE', '1000 more can be used before the overage limit'],
  ['none, and overage without a limit', { ...none, overageLimit: null }, 'OVERAGE', 'billed as overage'],
  ['none, and the limit of overage reached', { ...none, overageUsed: credits(1_000) }, 'HARD_STOP', 'Raise the limit'],
  ['none, and the limit held by others', { ...none, overageHeld: credits(1_000) }, 'HARD_STOP', 'Raise the limit'],
  ['none on a hard cap', { ...none, ...capped }, 'HARD_STOP', 'Top up or change the plan'],
  ['an unpaid subscription, whatever is left', { blocked: true }, 'HARD_STOP', 'Pay the open invoice'],
  ['none in a trial', { ...none, overageLimit: 0n, overageStopped: 'TRIAL' }, 'HARD_STOP', 'trial'],
  [
    'none after a failed payment',
    { ...none, overageLimit: 0n, overageStopped: 'PAST_DUE' },
    'HARD_STOP',
    'Pay the open invoice or top up',
  ],
  ['credits after a failed payment', { overageLimit: 0n, overageStopped: 'PAST_DUE' }, 'HEALTHY', null],
  ['characters, most of them left', { ...onCharacters, allowanceUsed: 899n }, 'HEALTHY', null],
  ['a tenth of the characters', { ...onCharacters, allowanceUsed: 850n, allowanceHeld: 50n }, 'LOW', '100 characters'],
  ['no character', { ...onCharacters, allowanceUsed: 1_000n }, 'HARD_STOP', 'characters of this period are used up'],
])('%s', (_name, more, state, message) => {
  const account = balance(more);
  expect(balanceState(account)).toBe(state);
  const told = balanceMessage(account, balanceState(account));
  if (message === null) expect(told).toBeNull();
  else expect(told).toContain(message);
});

it.each([
  [credits(25), 'enough for about 4 average requests'],
  [credits(60), 'enough for about 1 average request.'],
  [credits(101), 'enough for about 0 average requests'],
])('a low balance of 100 says how many requests of %s it pays for', (average, words) => {
  expect(balanceMessage(balance({ spendable: credits(100) }), 'LOW', average)).toContain(words);
});

it.each([null, 0n])('says nothing of requests where the average is %s', (average) => {
  expect(balanceMessage(balance({ spendable: credits(100) }), 'LOW', average)).not.toContain('average');
});
