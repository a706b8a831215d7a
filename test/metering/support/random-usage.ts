import fc from 'fast-check';
import { micro, ZERO } from '../../../src/lib/credits';
import { chargeOf, costOf } from '../../../src/metering/cost';
import type { PriceBook } from '../../../src/metering/price-book';
import type { PastEvent, PastPeriod } from '../../../src/metering/rerate';
import type { Capability, UnitOfMeasure, VoiceQuality } from '../../../src/metering/terms';

export const FIRST_PARTY: ReadonlySet<string> = new Set(['xtts']);

/** What a random operation is, before any book has priced it. */
export interface RandomOperation {
  readonly capability: Capability;
  readonly provider: string | null;
  readonly model: string | null;
  readonly quality: VoiceQuality | null;
  readonly units: number;
  readonly further: number;
  /** How many of the units were used in the end, in percent; over 100: more than the hold was for. */
  readonly used: number;
  readonly end: 'SUCCEEDED' | 'FAILED' | 'ABORTED';
  readonly ownKey: boolean;
  /** Seconds after the one before it, as the server's clock has it. */
  readonly pause: number;
  /** How much later than the quote the database says that it was held. */
  readonly lateMs: number;
  /** How many operations begin before this one ends. */
  readonly lasts: number;
}

const KINDS: readonly [Capability, string | null, string | null][] = [
  // Often, so that its allowance runs out.
  ['TEXT_TO_SPEECH', 'xtts', 'xtts-v2'],
  ['TEXT_TO_SPEECH', 'xtts', 'xtts-v2'],
  ['TEXT_TO_SPEECH', 'xtts', 'xtts-v2'],
  ['TEXT_TO_SPEECH', 'elevenlabs', 'eleven_v3'],
  ['TEXT_TO_SPEECH', 'local', 'flite'],
  ['SPEECH_TO_TEXT', 'groq', 'whisper-large-v3'],
  ['SPEECH_TO_TEXT', 'openai', 'whisper-1'],
  ['LANGUAGE_MODEL', 'openai', 'gpt-4.1-mini'],
  ['LANGUAGE_MODEL', 'anthropic', 'claude-sonnet-4'],
  ['RETRIEVAL', null, null],
];

export const randomOperations = (secondsMax: number): fc.Arbitrary<RandomOperation[]> =>
  fc.array(
    fc
      .tuple(
        fc.constantFrom(...KINDS),
        fc.constantFrom<VoiceQuality | null>('STANDARD', 'PREMIUM', 'ULTRA'),
        fc.record({
          units: fc.integer({ min: 0, max: 6_000 }),
          further: fc.integer({ min: 0, max: 3_000 }),
          used: fc.oneof({ weight: 5, arbitrary: fc.constant(100) }, fc.integer({ min: 0, max: 140 })),
          end: fc.constantFrom<RandomOperation['end']>('SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED', 'FAILED', 'ABORTED'),
          ownKey: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
          pause: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: secondsMax })),
          lateMs: fc.integer({ min: 0, max: 60_000 }),
          lasts: fc.integer({ min: 0, max: 4 }),
        }),
      )
      .map(([[capability, provider, model], quality, rest]) => {
        const speech = capability === 'TEXT_TO_SPEECH';
        return { capability, provider, model, quality: speech && provider === 'xtts' ? quality : null, ...rest };
      }),
    { minLength: 1, maxLength: 25 },
  );

interface Running {
  readonly settle: () => void;
  readonly endsAfter: number;
}

/**
 * What a ledger records of operations of one workspace in one period that run beside each other: the allowance is held
 * when they begin and given back when they end, and each is charged at the version in force at its quote.
 */
export function recordUsage(
  operations: readonly RandomOperation[],
  book: PriceBook,
  { planId, start }: PastPeriod,
  setClock: (milliseconds: number) => void,
): PastEvent[] {
  const limit = BigInt(book.at(start).findPlan(planId)?.monthlyCharacters ?? Number.MAX_SAFE_INTEGER);
  const events: (PastEvent | null)[] = [];
  let running: Running[] = [];
  let now = start.getTime();
  let used = 0n;
  let held = 0n;
  operations.forEach((operation, index) => {
    now += operation.pause * 1_000;
    setClock(now);
    const version = book.inForce();
    const { capability, provider, model, quality, ownKey, end } = operation;
    const rates = version.findRates({ capability, provider, model, quality });
    if (rates.length === 0) return;
    const source = { capability, provider, firstParty: provider !== null && FIRST_PARTY.has(provider) };
    const eligible = !ownKey && version.allowanceCounts(source) && rates[0]!.unit === 'CHARACTER';
    const [first] = rates;
    if (first!.allowanceOnly && !eligible && !ownKey) return;
    const wanted = BigInt(operation.units);
    const hold = eligible ? min(wanted, limit - used - held) : 0n;
    if (first!.allowanceOnly && !ownKey && hold < wanted) return;
    held += hold;
    events[index] = null;
    const atMost = first!.allowanceOnly ? ZERO : costOf(chargesOf(wanted - hold, operation.further));
    running.push({
      endsAfter: index + operation.lasts,
      settle() {
        held -= hold;
        // Only what is measured afterwards can be more than was held: audio that is priced by the second.
        const share = first!.unit === 'AUDIO_SECOND' ? operation.used : Math.min(operation.used, 100);
        const part = end === 'ABORTED' && capability === 'SPEECH_TO_TEXT' ? 0n : (wanted * BigInt(share)) / 100n;
        const units = end === 'SUCCEEDED' && capability !== 'TEXT_TO_SPEECH' ? wanted : part;
        const spent = end === 'FAILED' ? 0n : min(hold, units);
        const free = end === 'FAILED' || ownKey || units === 0n;
        const further = free ? 0 : operation.further;
        const asked = free || first!.allowanceOnly ? ZERO : costOf(chargesOf(units - spent, further));
        const credits = micro(min(asked, atMost));
        used += spent;
        events[index] = {
          capability,
          provider,
          model,
          quality,
          ownKey,
          status: end,
          quantities: quantitiesOf(first!.unit, units, further),
          allowance: spent,
          credits,
          anomaly: micro(asked - credits),
          rateCardVersion: version.version,
          heldAt: new Date(now0 + operation.lateMs),
        };
      },
    });
    const now0 = now;
    const ended = running.filter(({ endsAfter }) => endsAfter <= index);
    running = running.filter(({ endsAfter }) => endsAfter > index);
    for (const { settle } of ended) settle();

    function chargesOf(units: bigint, further: number) {
      return rates.map((rate, place) => chargeOf(rate, place === 0 ? units : further));
    }
  });
  for (const { settle } of running) settle();
  return events.filter((event): event is PastEvent => event != null);

  function quantitiesOf(unit: UnitOfMeasure, units: bigint, further: number): Record<UnitOfMeasure, bigint> {
    const none = { CHARACTER: 0n, AUDIO_SECOND: 0n, INPUT_TOKEN: 0n, OUTPUT_TOKEN: 0n, REQUEST: 0n };
    if (unit === 'INPUT_TOKEN') return { ...none, INPUT_TOKEN: units, OUTPUT_TOKEN: BigInt(further) };
    if (unit === 'REQUEST') return { ...none, REQUEST: units, CHARACTER: BigInt(further) };
    // Speech has characters and a length, whichever of them is priced.
    if (unit === 'AUDIO_SECOND') return { ...none, AUDIO_SECOND: units, CHARACTER: units };
    return { ...none, CHARACTER: units, AUDIO_SECOND: units * 60n };
  }
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
