import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { UsageEventRow } from '../ledger/usage-event';

/** What is measured by asking, when somebody reads the metrics. */
export interface Gauges {
  readonly liveOperations: () => number;
  readonly sockets: () => number;
  readonly openLeases: () => number;
}

/** Prometheus metrics. Labels are providers and outcomes: never a workspace, a key or a text. */
export class Metrics {
  readonly registry = new Registry();
  private readonly operations = new Counter({
    name: 'polyphony_operations_total',
    help: 'Settled metered operations.',
    labelNames: ['capability', 'provider', 'status', 'credential'],
    registers: [this.registry],
  });
  private readonly credits = new Counter({
    name: 'polyphony_credits_total',
    help: 'Credits charged.',
    labelNames: ['capability', 'provider'],
    registers: [this.registry],
  });
  private readonly latency = new Histogram({
    name: 'polyphony_operation_seconds',
    help: 'From hold to the end of the provider call.',
    labelNames: ['capability', 'provider'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [this.registry],
  });

  /** Resolved once for each set of labels, of which there are as many as providers and outcomes. */
  private readonly resolved = new Map<string, (event: UsageEventRow) => void>();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  watch(gauges: Gauges): void {
    const { registry } = this;
    const add = (name: string, help: string, read: () => number): void => {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read());
        },
      });
    };
    add('polyphony_live_operations', 'Operations under way in this process.', gauges.liveOperations);
    add('polyphony_sockets', 'Open GraphQL sockets of this process.', gauges.sockets);
    add('polyphony_open_leases', 'Holds that this process keeps alive.', gauges.openLeases);
  }

  settled(event: UsageEventRow): void {
    const key = `${event.capability} ${event.provider_id} ${event.status} ${event.credential}`;
    let count = this.resolved.get(key);
    if (!count) {
      count = this.resolve(event);
      this.resolved.set(key, count);
    }
    count(event);
  }

  private resolve({ capability, provider_id, status, credential }: UsageEventRow): (event: UsageEventRow) => void {
    const provider = provider_id ?? 'none';
    const operations = this.operations.labels({ capability, provider, status, credential });
    const charged = this.credits.labels({ capability, provider });
    const latency = this.latency.labels({ capability, provider });
    return (event) => {
      operations.inc();
      const credits = Number(event.credits) / 1e6;
      if (credits > 0) charged.inc(credits);
      if (event.latency_ms !== null) latency.observe(event.latency_ms / 1000);
    };
  }
}
