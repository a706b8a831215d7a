import fc from 'fast-check';
import type { AlertKind, AlertRule, AlertState } from '../../src/alerts/alert-kinds';
import { decide } from '../../src/alerts/decide';
import { dayOf, type Facts, type Spending } from '../../src/alerts/facts';

const CREDIT = 1_000_000n;
const DAY_MS = 86_400_000;
const NOON = Date.parse('2026-03-10T12:00:00Z');

interface Moment {
  readonly at?: number;
  readonly remaining?: number;
  readonly held?: number;
  readonly granted?: number;
  readonly period?: number;
  readonly today?: Spending;
  readonly days?: readonly Spending[];
  /** Failures of requests, by provider. */
  readonly providers?: Readonly<Record<string, readonly [failures: number, requests: number]>>;
  /** First use of each voice that is in use now. */
  readonly voices?: Readonly<Record<string, number>>;
  /** Voices of which this period knows nothing. */
  readonly earlier?: readonly string[];
}

const ruleOf = (kind: AlertKind, more: Partial<AlertRule> = {}): AlertRule => ({
  id: 'rule',
  kind,
  threshold: kind === 'NEW_VOICE' ? null : 100n * CREDIT,
  expectedVoiceIds: null,
  enabled: true,
  createdAt: new Date(NOON),
  watchingSince: new Date(NOON),
  ...more,
});

const factsOf = (moment: Moment, states: readonly AlertState[]): Facts => {
  const held = BigInt(moment.held ?? 0) * CREDIT;
  return {
    account: {
      now: new Date(moment.at ?? NOON),
      spendable: BigInt(moment.remaining ?? 1_000) * CREDIT + held,
      held,
      periodNumber: moment.period ?? 0,
      periodEnd: new Date(NOON + 10 * DAY_MS),
      granted: BigInt(moment.granted ?? 1_000) * CREDIT,
    },
    spending: moment.today ? { today: moment.today, days: moment.days ?? [] } : null,
    providers: Object.entries(moment.providers ?? {}).map(([providerId, [failures, requests]]) => ({
      providerId,
      failures: BigInt(failures),
      requests: BigInt(requests),
    })),
    voices: Object.entries(moment.voices ?? {}).map(([voiceId, firstUsedAt]) => ({
      voiceId,
      voiceName: null,
      firstUsedAt: new Date(firstUsedAt),
      usedThisPeriod: !moment.earlier?.includes(voiceId),
    })),
    states,
  };
};

/** What the decisions leave behind, as their transaction keeps it. */
function kept(
  rules: readonly AlertRule[],
  facts: Facts,
): { raised: string[]; states: AlertState[]; messages: string[] } {
  const { raise, end } = decide(rules, facts);
  const raised = raise.map(({ rule, subject }) => ({
    ruleId: rule.id,
    subject,
    periodNumber: facts.account.periodNumber,
    day: dayOf(facts.account.now),
    granted: facts.account.granted,
  }));
  const isGone = (state: AlertState): boolean =>
    [...end, ...raised].some((it) => it.ruleId === state.ruleId && it.subject === state.subject);
  return {
    raised: raise.map(({ subject }) => subject),
    messages: raise.map(({ message }) => message),
    states: [...facts.states.filter((state) => !isGone(state)), ...raised],
  };
}

/** Subjects that are raised at each moment in turn. */
function course(rule: AlertRule, moments: readonly Moment[]): string[][] {
  let states: AlertState[] = [];
  return moments.map((moment) => {
    const step = kept([rule], factsOf(moment, states));
    states = step.states;
    return step.raised;
  });
}

const NONE: readonly string[] = [];
const LOW = [''];

it.each<[string, Partial<AlertRule>, readonly (readonly [Moment, readonly string[]])[]]>([
  [
    'is raised at the threshold and not above it, once',
    {},
    [
      [{ remaining: 101 }, NONE],
      [{ remaining: 100 }, LOW],
      [{ remaining: 99 }, NONE],
      [{ remaining: 0 }, NONE],
    ],
  ],
  [
    'counts what is held as gone',
    {},
    [
      [{ remaining: 101, held: 500 }, NONE],
      [{ remaining: 100, held: 500 }, LOW],
    ],
  ],
  [
    'is raised again after a top-up that lifts it above, however little',
    {},
    [
      [{ remaining: 90 }, LOW],
      [{ remaining: 101, granted: 1_011 }, NONE],
      [{ remaining: 100, granted: 1_011 }, LOW],
      [{ remaining: 99, granted: 1_011 }, NONE],
    ],
  ],
  [
    'is not raised again after a top-up that does not lift it above',
    {},
    [
      [{ remaining: 10 }, LOW],
      [{ remaining: 100, granted: 1_090 }, NONE],
      [{ remaining: 50, granted: 1_090 }, NONE],
    ],
  ],
  [
    'is not raised again by operations that hold and release about it',
    {},
    [
      [{ remaining: 95, held: 10 }, LOW],
      [{ remaining: 104 }, NONE],
      [{ remaining: 94, held: 10 }, NONE],
      [{ remaining: 200 }, NONE],
      [{ remaining: 100 }, NONE],
    ],
  ],
  [
    'is raised again when a hold that covered nearly all was released long before',
    {},
    [
      [{ remaining: 5, held: 995 }, LOW],
      [{ remaining: 999 }, NONE],
      [{ remaining: 100 }, LOW],
    ],
  ],
  [
    'is raised in each period that it is low in',
    {},
    [
      [{ remaining: 50 }, LOW],
      [{ remaining: 50, period: 1 }, LOW],
      [{ remaining: 40, period: 1 }, NONE],
      [{ remaining: 101, period: 2 }, NONE],
      [{ remaining: 100, period: 2 }, LOW],
    ],
  ],
  [
    'of 0 is raised when nothing is left',
    { threshold: 0n },
    [
      [{ remaining: 1 }, NONE],
      [{ remaining: 0 }, LOW],
      [{ remaining: 7 }, NONE],
      [{ remaining: 0 }, NONE],
    ],
  ],
  ['says nothing where nothing was ever granted', {}, [[{ remaining: 0, granted: 0 }, NONE]]],
])('LOW_BALANCE %s', (_name, more, steps) => {
  expect(
    course(
      ruleOf('LOW_BALANCE', more),
      steps.map(([moment]) => moment),
    ),
  ).toEqual(steps.map(([, raised]) => raised));
});

const credits = (value: number): Spending => ({ credits: BigInt(value) * CREDIT, audioMilliseconds: 0n });
const audio = (minutes: number): Spending => ({ credits: 0n, audioMilliseconds: BigInt(minutes) * 60_000n });
const DAYS = [10, 0, 20, 5, 10, 30, 0];

it.each<[string, bigint, readonly (readonly [Moment, readonly string[]])[]]>([
  [
    'is raised over three times the median, once a day',
    3n,
    [
      [{ today: credits(30), days: DAYS.map(credits) }, NONE],
      [{ today: credits(31), days: DAYS.map(credits) }, ['CREDITS']],
      [{ today: credits(90), days: DAYS.map(credits) }, NONE],
      [{ at: NOON + DAY_MS, today: credits(31), days: DAYS.map(credits) }, ['CREDITS']],
    ],
  ],
  [
    'tells minutes of audio apart, which own keys leave without credits',
    3n,
    [
      [{ today: audio(31), days: DAYS.map(audio) }, ['AUDIO_MINUTES']],
      [{ today: { ...audio(31), ...{ credits: 31n * CREDIT } }, days: DAYS.map(audio) }, NONE],
      [
        {
          today: { credits: 31n * CREDIT, audioMilliseconds: 31n * 60_000n },
          days: DAYS.map((it) => ({ credits: BigInt(it) * CREDIT, audioMilliseconds: BigInt(it) * 60_000n })),
        },
        ['CREDITS'],
      ],
    ],
  ],
  [
    'has nothing to compare with where four of the seven days are without usage',
    3n,
    [[{ today: credits(1_000_000), days: [0, 0, 0, 0, 50, 50, 50].map(credits) }, NONE]],
  ],
  [
    'takes a factor that is no whole number, to the micro-credit',
    0n,
    [
      [{ today: { credits: 15n * CREDIT, audioMilliseconds: 0n }, days: DAYS.map(credits) }, NONE],
      [{ today: { credits: 15n * CREDIT + 1n, audioMilliseconds: 0n }, days: DAYS.map(credits) }, ['CREDITS']],
    ],
  ],
])('SPEND_SPIKE %s', (_name, factor, steps) => {
  const rule = ruleOf('SPEND_SPIKE', { threshold: factor === 0n ? 1_500_000n : factor * 1_000_000n });
  expect(
    course(
      rule,
      steps.map(([moment]) => moment),
    ),
  ).toEqual(steps.map(([, raised]) => raised));
});

it.each<[string, Partial<AlertRule>, readonly (readonly [Moment, readonly string[]])[]]>([
  [
    'without a set is raised for a voice that was never used before the rule, once for ever',
    {},
    [
      [{ voices: { old: NOON - 1, fresh: NOON } }, ['fresh']],
      [{ voices: { old: NOON - 1, fresh: NOON }, period: 1 }, NONE],
      [{ voices: { fresh: NOON, other: NOON + 5 }, period: 1 }, ['other']],
    ],
  ],
  [
    'without a set is raised though the voice was used before the period began, where nobody had looked',
    {},
    [[{ voices: { fresh: NOON }, earlier: ['fresh'] }, ['fresh']]],
  ],
  [
    'with a set is raised for each voice outside of it, once a period',
    { expectedVoiceIds: ['kept'] },
    [
      [{ voices: { kept: 0, old: 0, fresh: NOON } }, ['old', 'fresh']],
      [{ voices: { kept: 0, old: 0 } }, NONE],
      [{ voices: { old: 0, fresh: NOON }, period: 1, earlier: ['fresh'] }, ['old']],
      [{ voices: { fresh: NOON }, period: 1 }, ['fresh']],
    ],
  ],
  ['with an empty set expects none', { expectedVoiceIds: [] }, [[{ voices: { any: 0 } }, ['any']]]],
])('NEW_VOICE %s', (_name, more, steps) => {
  expect(
    course(
      ruleOf('NEW_VOICE', more),
      steps.map(([moment]) => moment),
    ),
  ).toEqual(steps.map(([, raised]) => raised));
});

it.each<[string, readonly (readonly [Moment, readonly string[]])[]]>([
  [
    'is raised over the share, of 10 requests or more, once',
    [
      [{ providers: { a: [9, 9] } }, NONE],
      [{ providers: { a: [1, 10] } }, NONE],
      [{ providers: { a: [2, 10] } }, ['a']],
      [{ providers: { a: [12, 20] } }, NONE],
    ],
  ],
  [
    'tells providers apart',
    [
      [{ providers: { a: [10, 10], b: [0, 10] } }, ['a']],
      [{ providers: { a: [10, 10], b: [10, 20] } }, ['b']],
    ],
  ],
  [
    'is raised again once it had fallen to half the share, and not before',
    [
      [{ providers: { a: [11, 100] } }, ['a']],
      [{ providers: { a: [10, 100] } }, NONE],
      [{ providers: { a: [11, 100] } }, NONE],
      [{ providers: { a: [5, 100] } }, NONE],
      [{ providers: { a: [11, 100] } }, ['a']],
    ],
  ],
  [
    'is not raised again by a provider that is seldom asked and always fails',
    [
      [{ providers: { a: [10, 10] } }, ['a']],
      [{ providers: { a: [9, 9] } }, NONE],
      [{ providers: { a: [10, 10] } }, NONE],
    ],
  ],
  [
    'has ended when an hour brought nothing',
    [
      [{ providers: { a: [10, 10] } }, ['a']],
      [{}, NONE],
      [{ providers: { a: [10, 10] } }, ['a']],
    ],
  ],
  [
    'is raised in each period that it is over in',
    [
      [{ providers: { a: [10, 10] } }, ['a']],
      [{ providers: { a: [10, 10] }, period: 1 }, ['a']],
      [{ providers: { a: [10, 10] }, period: 1 }, NONE],
    ],
  ],
])('PROVIDER_ERRORS %s', (_name, steps) => {
  const rule = ruleOf('PROVIDER_ERRORS', { threshold: 100_000n });
  expect(
    course(
      rule,
      steps.map(([moment]) => moment),
    ),
  ).toEqual(steps.map(([, raised]) => raised));
});

const amount = fc.integer({ min: 0, max: 300 });
const anyMoment: fc.Arbitrary<Moment> = fc.record({
  at: fc.integer({ min: NOON, max: NOON + 3 * DAY_MS }),
  remaining: amount,
  held: amount,
  granted: fc.integer({ min: 0, max: 3 }),
  period: fc.integer({ min: 0, max: 2 }),
  today: amount.map(credits),
  days: fc.array(amount.map(credits), { minLength: 7, maxLength: 7 }),
  providers: fc.dictionary(
    fc.constantFrom('a', 'b', 'constructor'),
    fc.tuple(fc.nat({ max: 10 }), fc.nat({ max: 90 })).map(([failures, rest]) => [failures, failures + rest] as const),
  ),
  voices: fc.dictionary(fc.constantFrom('v', 'w', '__proto__'), fc.integer({ min: NOON - 5, max: NOON + 5 })),
});
const ALL_RULES = [
  ruleOf('LOW_BALANCE', { id: 'low' }),
  ruleOf('SPEND_SPIKE', { id: 'spike', threshold: 2_000_000n }),
  ruleOf('NEW_VOICE', { id: 'first' }),
  ruleOf('NEW_VOICE', { id: 'outside', expectedVoiceIds: ['v'] }),
  ruleOf('PROVIDER_ERRORS', { id: 'errors', threshold: 100_000n }),
];

it('looking again at the same facts raises nothing and ends nothing, whatever happened before', () => {
  fc.assert(
    fc.property(fc.array(anyMoment, { minLength: 1, maxLength: 12 }), (moments) => {
      let states: AlertState[] = [];
      for (const moment of moments) {
        states = kept(ALL_RULES, factsOf(moment, states)).states;
        const again = decide(ALL_RULES, factsOf(moment, states));
        expect(again).toEqual({ raise: [], end: [] });
      }
    }),
  );
});

it('no crossing of a period is raised twice while it lasts', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 30 }), (balances) => {
      const raised = course(
        ruleOf('LOW_BALANCE'),
        balances.map((remaining) => ({ remaining })),
      );
      expect(raised.flat()).toHaveLength(balances.length === 0 ? 0 : 1);
    }),
  );
});

it.each<[string, AlertRule, Moment, string]>([
  [
    'LOW_BALANCE',
    ruleOf('LOW_BALANCE'),
    { remaining: 99 },
    '99 credits are left, at or under the 100 of the rule. Top up',
  ],
  [
    'SPEND_SPIKE of credits',
    ruleOf('SPEND_SPIKE', { threshold: 2_500_000n }),
    { today: credits(31), days: DAYS.map(credits) },
    '31 credits were used today (UTC), more than 2.5 times the 10 that are the median',
  ],
  [
    'SPEND_SPIKE of audio',
    ruleOf('SPEND_SPIKE', { threshold: 3_000_000n }),
    { today: { credits: 0n, audioMilliseconds: 1_890_300n }, days: DAYS.map(audio) },
    '31.51 minutes of audio were processed today (UTC), more than 3 times the 10 that',
  ],
  [
    'NEW_VOICE first used',
    ruleOf('NEW_VOICE'),
    { voices: { 'a/b': NOON } },
    'The voice a/b was used for the first time.',
  ],
  [
    'NEW_VOICE outside a set',
    ruleOf('NEW_VOICE', { expectedVoiceIds: [] }),
    { voices: { 'a/b': NOON } },
    'The voice a/b was used, which is not among the expected ones. Add it',
  ],
  [
    'PROVIDER_ERRORS',
    ruleOf('PROVIDER_ERRORS', { threshold: 100_000n }),
    { providers: { a: [2, 15] } },
    '2 of 15 requests to a failed in the last hour, a share of more than 0.1. Add fallbacks',
  ],
])('%s says what happened and what to do', (_name, rule, moment, message) => {
  expect(kept([rule], factsOf(moment, [])).messages).toEqual([expect.stringContaining(message)]);
});
