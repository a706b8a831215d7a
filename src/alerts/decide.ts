import { type AlertRule, type AlertState, THRESHOLD_ONE } from './alert-kinds';
import {
  lowBalanceWords,
  newVoiceWords,
  providerErrorsWords,
  type SpikeMeasure,
  spendSpikeWords,
  type Words,
} from './alert-words';
import { dayOf, type Facts, type Spending } from './facts';

/** An alert to be raised. */
export interface Crossing extends Words {
  readonly rule: AlertRule;
  readonly subject: string;
}

export interface Decisions {
  readonly raise: readonly Crossing[];
  /** Crossings that have ended, so that the next is raised again. */
  readonly end: readonly AlertState[];
}

/** Fewer requests say nothing of a provider. */
const REQUESTS_LEAST = 10n;
/** Above this, a balance that was only held for a while is no longer low, however small the threshold. */
const RELEASED_LEAST = 100n * 1_000_000n;

/**
 * What each rule raises and which crossings have ended, by the facts of one moment. Twice the same facts raise nothing
 * more, once the first decisions are kept.
 */
export function decide(rules: readonly AlertRule[], facts: Facts): Decisions {
  const raise: Crossing[] = [];
  const end: AlertState[] = [];
  for (const rule of rules) {
    const states = new Map(facts.states.filter(({ ruleId }) => ruleId === rule.id).map((it) => [it.subject, it]));
    JUDGES[rule.kind](rule, facts, states, { raise, end });
  }
  return { raise, end };
}

type States = ReadonlyMap<string, AlertState>;
interface Found {
  readonly raise: Crossing[];
  readonly end: AlertState[];
}
type Judge = (rule: AlertRule, facts: Facts, states: States, found: Found) => void;

const JUDGES: Readonly<Record<AlertRule['kind'], Judge>> = {
  LOW_BALANCE: judgeBalance,
  SPEND_SPIKE: judgeSpending,
  NEW_VOICE: judgeVoices,
  PROVIDER_ERRORS: judgeProviders,
};

/**
 * It ends when credits came and the balance is above the threshold, and with the period. Without new credits a balance
 * rises only by what was held and is released: then it ends well above the threshold alone, so that operations that come
 * and go about it raise one alert.
 */
function judgeBalance(rule: AlertRule, { account }: Facts, states: States, { raise, end }: Found): void {
  // Where nothing was ever granted, nothing has run low: in a book without credits, or before the first top-up.
  if (account.granted === 0n) return;
  const state = states.get('');
  const threshold = rule.threshold!;
  const remaining = account.spendable - account.held;
  if (remaining <= threshold) {
    if (state?.periodNumber === account.periodNumber) return;
    raise.push({ rule, subject: '', ...lowBalanceWords(rule, account) });
  } else if (state) {
    const wellAbove = remaining > threshold + (threshold > RELEASED_LEAST ? threshold : RELEASED_LEAST);
    if (account.granted > state.granted || account.periodNumber !== state.periodNumber || wellAbove) end.push(state);
  }
}

/** Once a UTC day for each measure. A median of 0 is no measure of anything: nothing is raised over it. */
function judgeSpending(rule: AlertRule, { account, spending }: Facts, states: States, { raise }: Found): void {
  if (!spending) return;
  const measures: readonly (readonly [SpikeMeasure, (of: Spending) => bigint])[] = [
    ['CREDITS', ({ credits }) => credits],
    ['AUDIO_MINUTES', ({ audioMilliseconds }) => audioMilliseconds],
  ];
  for (const [measure, of] of measures) {
    const today = of(spending.today);
    const median = medianOf(spending.days.map(of));
    if (median === 0n || today * THRESHOLD_ONE <= rule.threshold! * median) continue;
    if (states.get(measure)?.day === dayOf(account.now)) continue;
    raise.push({ rule, subject: measure, ...spendSpikeWords(rule, measure, account, today, median) });
  }
}

/** Once a period for a voice outside the expected set; once for ever for one that was never used before. */
function judgeVoices(rule: AlertRule, { account, voices }: Facts, states: States, { raise }: Found): void {
  const expected = rule.expectedVoiceIds && new Set(rule.expectedVoiceIds);
  for (const voice of voices) {
    const state = states.get(voice.voiceId);
    const raises = expected
      ? voice.usedThisPeriod && !expected.has(voice.voiceId) && state?.periodNumber !== account.periodNumber
      : voice.firstUsedAt >= rule.watchingSince && !state;
    if (raises) raise.push({ rule, subject: voice.voiceId, ...newVoiceWords(rule, voice) });
  }
}

/**
 * It ends when the share has fallen to half the threshold, so that a share that hovers about the threshold raises one
 * alert, and with the period.
 */
function judgeProviders(rule: AlertRule, { account, providers }: Facts, states: States, { raise, end }: Found): void {
  const threshold = rule.threshold!;
  const seen = new Map(providers.map((provider) => [provider.providerId, provider]));
  for (const provider of providers) {
    const { requests, failures, providerId } = provider;
    const over = requests >= REQUESTS_LEAST && failures * THRESHOLD_ONE > threshold * requests;
    if (!over || states.get(providerId)?.periodNumber === account.periodNumber) continue;
    raise.push({ rule, subject: providerId, ...providerErrorsWords(rule, provider) });
  }
  for (const state of states.values()) {
    const { requests, failures } = seen.get(state.subject) ?? { requests: 0n, failures: 0n };
    if (2n * failures * THRESHOLD_ONE <= threshold * requests) end.push(state);
  }
}

/** Of an odd number of values. */
function medianOf(values: readonly bigint[]): bigint {
  const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted[(sorted.length - 1) / 2]!;
}
