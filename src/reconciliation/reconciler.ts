import { ProviderError } from '../../providers/contract/errors';
import type { CountedRequest, CountedUnit, UsageMeasure, UsageSource } from '../../providers/contract/usage';
import type { Database } from '../db/database';
import type { Clock } from '../lib/clock';
import { type ComparedSpan, comparedSpan, dateOfStep, type Step } from './calendar';
import { findByRequest, type OpenEvent } from './find-by-request';
import { findBySums } from './find-by-sums';
import { type Finding, type FoundBefore, LOST_EVENTS_MAX, type LostEvent, LostEvents } from './lost-events';
import { OurUsage } from './our-usage';
import { ProviderRecords } from './provider-records';
import { formatQuantity, magnitude, ownQuantity, quantityOf, Sums } from './quantity';
import type { Reconciliation, ReconciliationRow, Resolution } from './report';
import { RequestMatching } from './request-matching';

/** Either side of the span: an operation settles after its request, on another day perhaps. */
const MARGIN_MS = 3_600_000;

export interface ReconcileOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (step: string) => void;
}

/** Both sides of a span, before lost operations that were found are added to ours. */
interface Comparison {
  readonly span: ComparedSpan;
  readonly ours: Sums;
  readonly theirs: Sums;
  readonly countedAt: Date;
  readonly mixed: ReadonlySet<string>;
  readonly matching: RequestMatching | null;
}

/**
 * Holds what the platform's own credential was used for against what the provider says it counted. Nothing is called while a
 * transaction is open, and nothing is charged or given back, whatever comes out.
 */
export class Reconciler {
  private readonly usage: OurUsage;
  private readonly lost: LostEvents;
  private readonly records: ProviderRecords;

  constructor(
    database: Database,
    private readonly clock: Clock,
  ) {
    this.usage = new OurUsage(database);
    this.lost = new LostEvents(database);
    this.records = new ProviderRecords(database);
  }

  /** The whole steps of the provider's calendar that a span touches; null: it lies in the future. */
  spanOf({ declaration }: UsageSource, start: Date, end: Date): ComparedSpan | null {
    return comparedSpan(start, end, declaration.step, this.clock.now());
  }

  /**
   * Where the provider cannot be reached, its last known count takes the place of a new one, if it was ever asked about the
   * whole span.
   * @throws ProviderError
   */
  async report(source: UsageSource, span: ComparedSpan, options: ReconcileOptions): Promise<Reconciliation> {
    try {
      return await this.reportOf(source, await this.compare(source, span, options));
    } catch (error) {
      if (!(error instanceof ProviderError) || (error.kind !== 'UNAVAILABLE' && error.kind !== 'TIMEOUT')) throw error;
      const { provider, measures } = source.declaration;
      const known = await this.records.lastKnown(provider, span, measures);
      if (known === null) throw error;
      const { ours, mixed } = await this.ourSums(source, span, options);
      const comparison = { span, ours, mixed, theirs: known.sums, countedAt: known.countedAt, matching: null };
      return this.reportOf(source, comparison);
    }
  }

  /**
   * The same with a fresh count, and, where `resolve`, lost operations found in it first. Twice is as good as once: what has
   * been found is left as it is. @throws ProviderError
   */
  async run(
    source: UsageSource,
    span: ComparedSpan,
    resolve: boolean,
    options: ReconcileOptions,
  ): Promise<{ readonly report: Reconciliation; readonly resolution: Resolution | null }> {
    const comparison = await this.compare(source, span, options);
    const resolution = resolve ? await this.resolve(source, comparison) : null;
    return { report: await this.reportOf(source, comparison), resolution };
  }

  private async compare(source: UsageSource, span: ComparedSpan, options: ReconcileOptions): Promise<Comparison> {
    const { provider, name, measures } = source.declaration;
    const { signal, onProgress } = options;
    const onPage = (what: string) => (pages: number) =>
      onProgress?.(`${name}: ${counted(pages, 'page')} of ${what} read`);
    const listed = source.listsRequests
      ? await source.requests(withMargin(span), { signal, onPage: onPage('requests') })
      : null;
    const told = source.tellsSums
      ? sumsOf(await source.sums(span, { signal, onPage: onPage('sums') }))
      : sumsOfRequests(listed ?? new Map(), measures, span);
    const { sums: theirs, countedAt } = await this.records.keep(provider, span, measures, told);
    const { ours, mixed } = await this.ourSums(source, span, options);
    if (listed === null) return { span, ours, theirs, countedAt, mixed, matching: null };
    const matching = new RequestMatching(measures, span, listed);
    for await (const event of this.usage.events(provider, withMargin(span), workspacesRead(onProgress))) {
      matching.add(event);
    }
    return { span, ours: matching.ours, theirs, countedAt, mixed, matching };
  }

  /** By the day on which operations settled, and the dates on which something else is in the provider's sums. */
  private async ourSums(
    { declaration: { provider, measures } }: UsageSource,
    span: ComparedSpan,
    { onProgress }: ReconcileOptions,
  ): Promise<{ readonly ours: Sums; readonly mixed: ReadonlySet<string> }> {
    const ours = new Sums();
    const mixed = new Set<string>();
    if (measures.some(({ mixedWith }) => mixedWith !== undefined)) {
      for (const { capability, created_at } of await this.lost.waiting(provider, span)) {
        const isMixed = measures.some(({ mixedWith = [] }) => mixedWith.includes(capability));
        if (isMixed) mixed.add(dateOfStep(created_at.getTime(), span.step));
      }
    }
    for (const row of await this.usage.sums(provider, span, span.step, workspacesRead(onProgress))) {
      for (const { capability, unit, countUnits, mixedWith = [] } of measures) {
        if (mixedWith.includes(row.capability)) mixed.add(row.date);
        if (capability !== row.capability) continue;
        const told = row.counted_in !== null && countUnits.includes(row.counted_in);
        ours.add(row.date, unit, told ? BigInt(row.counted) : ownQuantity(unit, row));
      }
    }
    return { ours, mixed };
  }

  private async resolve(source: UsageSource, comparison: Comparison): Promise<Resolution> {
    const { provider, measures, step } = source.declaration;
    const { span, matching } = comparison;
    const waiting = wholeSteps(await this.lost.waiting(provider, span), step);
    const before = await this.lost.foundBefore(provider, span);
    const now = this.clock.now();
    const byRequest =
      matching === null
        ? { found: [], open: waiting.map((event) => ({ event, reason: 'QUANTITY_NOT_TOLD' as const })) }
        : findByRequest(waiting, matching.unclaimed(before.requestIds), measures, now);
    const driftOf = this.driftOf(measures, comparison, before, byRequest.found);
    // Sums say something only of a day on which nothing is left that the list leaves open.
    const keyOf = ({ event }: OpenEvent) => `${dateOfStep(event.created_at.getTime(), step)} ${event.capability}`;
    const leftOpen = new Set(byRequest.open.filter(({ reason }) => reason !== 'QUANTITY_NOT_TOLD').map(keyOf));
    const askSums = byRequest.open.filter((open) => open.reason === 'QUANTITY_NOT_TOLD' && !leftOpen.has(keyOf(open)));
    const bySums = findBySums(
      askSums.map(({ event }) => event),
      measures,
      driftOf,
      step,
      now,
    );
    const resolved: Finding[] = [];
    for (const finding of [...byRequest.found, ...bySums.found]) {
      if (await this.lost.record(provider, finding)) resolved.push(finding);
    }
    return {
      resolved: resolved.map(({ event, counts }) => ({
        eventId: event.id,
        workspaceId: event.workspace_id,
        counted: Object.entries(counts)
          .map(([unit, quantity]) => `${formatQuantity(quantity)} ${unit}`)
          .join(', '),
      })),
      open: [...byRequest.open.filter((open) => !askSums.includes(open)), ...bySums.open],
    };
  }

  private driftOf(
    measures: readonly UsageMeasure[],
    comparison: Comparison,
    before: FoundBefore,
    found: readonly Finding[],
  ): (date: string, unit: CountedUnit) => bigint | null {
    const { span } = comparison;
    const extra = new Sums();
    for (const { date, unit, quantity } of before.sums)
      extra.add(dateOfStep(Date.parse(date), span.step), unit, quantity);
    for (const { date, counts } of found) {
      for (const { unit } of measures) extra.add(dateOfStep(Date.parse(date), span.step), unit, counts[unit] ?? 0n);
    }
    return (date, unit) =>
      comparison.mixed.has(date)
        ? null
        : comparison.theirs.of(date, unit) - comparison.ours.of(date, unit) - extra.of(date, unit);
  }

  private async reportOf(source: UsageSource, comparison: Comparison): Promise<Reconciliation> {
    const { provider, measures } = source.declaration;
    const { span, ours, theirs, mixed, matching, countedAt } = comparison;
    const before = await this.lost.foundBefore(provider, span);
    const found = new Sums();
    for (const { date, unit, quantity } of before.sums)
      found.add(dateOfStep(Date.parse(date), span.step), unit, quantity);
    const rows = span.dates.flatMap((date) =>
      (mixed.has(date) ? [] : measures).flatMap((measure): ReconciliationRow[] => {
        const our = ours.of(date, measure.unit) + found.of(date, measure.unit);
        const their = theirs.of(date, measure.unit);
        if (our === 0n && their === 0n) return [];
        const drift = their - our;
        const drifted = magnitude(drift) > quantityOf(measure.tolerance ?? 0);
        return [{ date, unit: measure.unit, ours: our, theirs: their, drift, drifted }];
      }),
    );
    return {
      provider,
      start: span.start,
      end: span.end,
      countedAt,
      rows,
      notCompared: span.dates.filter((date) => mixed.has(date)),
      unresolved: await this.lost.count(provider, span),
      requests: matching?.findings(before.requestIds) ?? null,
    };
  }
}

/** All of a step, or none of it: where there are more than one run takes, the last step may be cut. */
function wholeSteps(waiting: readonly LostEvent[], step: Step): readonly LostEvent[] {
  if (waiting.length < LOST_EVENTS_MAX) return waiting;
  const dateOfEvent = ({ created_at }: LostEvent): string => dateOfStep(created_at.getTime(), step);
  const last = dateOfEvent(waiting.at(-1)!);
  return waiting.filter((event) => dateOfEvent(event) !== last);
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const withMargin = ({ start, end }: ComparedSpan) => ({
  start: new Date(start.getTime() - MARGIN_MS),
  end: new Date(end.getTime() + MARGIN_MS),
});

const workspacesRead = (onProgress: ReconcileOptions['onProgress']) => (workspaces: number) =>
  onProgress?.(`${counted(workspaces, 'workspace')} read`);

function sumsOf(
  days: readonly { readonly date: string; readonly unit: CountedUnit; readonly quantity: number }[],
): Sums {
  const sums = new Sums();
  for (const { date, unit, quantity } of days) sums.add(date, unit, quantityOf(quantity));
  return sums;
}

function sumsOfRequests(
  listed: ReadonlyMap<string, CountedRequest>,
  measures: readonly UsageMeasure[],
  { step }: ComparedSpan,
): Sums {
  const sums = new Sums();
  for (const { at, capability, quantity } of listed.values()) {
    const measure = measures.find((known) => known.capability === capability);
    if (measure && quantity !== null) sums.add(dateOfStep(at, step), measure.unit, quantityOf(quantity));
  }
  return sums;
}
