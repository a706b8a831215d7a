import { type MicroCredits, micro, ZERO } from '../lib/credits';
import type { PastEvent, RepricedEvent } from '../metering/rerate';

/** What came of the events of one capability, provider and model. */
export interface RerateSums {
  /** All of them, those that cost nothing included. */
  readonly events: number;
  /** As they were charged, in micro-credits; without those that the other book has no price for or refuses. */
  readonly charged: MicroCredits;
  /** The same events under the other book. */
  readonly repriced: MicroCredits;
  /** Events that the other book has no price for. */
  readonly withoutPrice: number;
  /** Events that the other book would not have served, as only an allowance could have paid for them. */
  readonly refused: number;
  /** What those two were charged. */
  readonly leftOut: MicroCredits;
  /** Events whose hold was too small, so that their charge was cut short. */
  readonly cut: number;
}

export interface RerateLine extends RerateSums {
  readonly workspaceId: string;
  readonly capability: string;
  readonly provider: string | null;
  readonly model: string | null;
}

export const NO_SUMS: RerateSums = {
  events: 0,
  charged: ZERO,
  repriced: ZERO,
  withoutPrice: 0,
  refused: 0,
  leftOut: ZERO,
  cut: 0,
};

export function sumsOf({ credits }: PastEvent, repriced: RepricedEvent): RerateSums {
  const priced = repriced.outcome === 'PRICED';
  return {
    events: 1,
    charged: priced ? credits : ZERO,
    repriced: repriced.credits,
    withoutPrice: repriced.outcome === 'NO_PRICE' ? 1 : 0,
    refused: repriced.outcome === 'REFUSED' ? 1 : 0,
    leftOut: priced ? ZERO : credits,
    cut: repriced.cut ? 1 : 0,
  };
}

export const addSums = (a: RerateSums, b: RerateSums): RerateSums => ({
  events: a.events + b.events,
  charged: micro(a.charged + b.charged),
  repriced: micro(a.repriced + b.repriced),
  withoutPrice: a.withoutPrice + b.withoutPrice,
  refused: a.refused + b.refused,
  leftOut: micro(a.leftOut + b.leftOut),
  cut: a.cut + b.cut,
});

/** The lines of one workspace, as they grow. */
export class WorkspaceLines {
  private readonly lines = new Map<string, RerateLine>();

  constructor(private readonly workspaceId: string) {}

  add({ capability, provider, model }: PastEvent, sums: RerateSums): void {
    const key = `${capability}/${provider ?? ''}/${model ?? ''}`;
    const known = this.lines.get(key) ?? { workspaceId: this.workspaceId, capability, provider, model, ...NO_SUMS };
    this.lines.set(key, { ...known, ...addSums(known, sums) });
  }

  /** By capability, provider and model. */
  sorted(): readonly RerateLine[] {
    return [...this.lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  }
}
