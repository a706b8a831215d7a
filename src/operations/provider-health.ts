import type { ProviderHealth } from '../../schema/types/provider';
import type { UsageEventRow } from '../ledger/usage-event';

const RECENT = 200;
/** With fewer attempts nothing can be said. */
const LEAST = 5;

interface Recent {
  /** Milliseconds to the first byte; null for a failure. */
  readonly latencies: (number | null)[];
}

/** How each provider has answered of late, from the attempts of this process. */
export class ProviderHealthWatch {
  private readonly providers = new Map<string, Recent>();

  settled(event: UsageEventRow): void {
    for (const attempt of event.attempts) {
      // A caller who leaves, or a key that is wrong, says nothing about the provider.
      if (attempt.outcome === 'CANCELLED' || attempt.outcome === 'UNAUTHORIZED' || attempt.outcome === 'SKIPPED')
        continue;
      let recent = this.providers.get(attempt.provider);
      if (!recent) {
        recent = { latencies: [] };
        this.providers.set(attempt.provider, recent);
      }
      const answered = attempt.outcome === 'SERVED' || attempt.outcome === 'REJECTED';
      recent.latencies.push(answered ? attempt.latencyMs : null);
      if (recent.latencies.length > RECENT * 2) recent.latencies.splice(0, recent.latencies.length - RECENT);
    }
  }

  of(provider: string): ProviderHealth {
    const recent = this.providers.get(provider)?.latencies.slice(-RECENT) ?? [];
    if (recent.length < LEAST) return { circuit: 'CLOSED', errorRate: null, latencyP50Ms: null, latencyP95Ms: null };
    const served = recent.filter((latency) => latency !== null).sort((a, b) => a - b);
    const at = (share: number): number | null =>
      served.length < LEAST ? null : served[Math.min(served.length - 1, Math.floor(served.length * share))]!;
    return {
      circuit: 'CLOSED',
      errorRate: (recent.length - served.length) / recent.length,
      latencyP50Ms: at(0.5),
      latencyP95Ms: at(0.95),
    };
  }
}
