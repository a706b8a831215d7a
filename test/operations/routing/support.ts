import type { Credential } from '../../../providers/contract/credential';
import { ProviderError, type ProviderErrorDetails, type ProviderErrorKind } from '../../../providers/contract/errors';
import type { RetryClock } from '../../../providers/http/retry';
import type { AttemptRecord } from '../../../src/ledger/entries';
import type { Candidate } from '../../../src/operations/routing/candidate';
import { ProviderHealthWatch } from '../../../src/operations/routing/provider-health';
import { type RouteOptions, Router } from '../../../src/operations/routing/router';
import { TestClock } from '../../support/test-clock';

export const PLATFORM: Credential = { source: 'PLATFORM', secret: 'platform-key' };
export const ownKey = (secret: string): Credential => ({ source: 'REQUEST_KEY', secret });

export const candidate = (providerId: string, credential: Credential = PLATFORM): Candidate => ({
  providerId,
  name: providerId.toUpperCase(),
  modelId: `${providerId}/one`,
  credential,
  retirement: null,
});

const RETRYABLE: readonly ProviderErrorKind[] = ['UNAVAILABLE', 'TIMEOUT'];

export const failure = (
  kind: ProviderErrorKind,
  { provider = 'a', ...more }: Partial<ProviderErrorDetails> = {},
): ProviderError =>
  new ProviderError({ provider, kind, retryable: RETRYABLE.includes(kind), message: `${provider} ${kind}`, ...more });

/** A router whose time passes only when a test, or a wait between two attempts, moves it. */
export class RouterHarness implements RetryClock {
  readonly clock = new TestClock();
  readonly health = new ProviderHealthWatch(this.clock);
  readonly router: Router;
  /** Milliseconds of each wait between two attempts. */
  readonly waits: number[] = [];
  readonly ending = new AbortController();

  constructor(random = 0.5) {
    this.router = new Router(this.clock, this.health, { clock: this, random: () => random });
  }

  now(): number {
    return this.clock.monotonic();
  }

  async sleep(ms: number): Promise<void> {
    this.waits.push(ms);
    this.clock.advance(ms);
  }

  options(
    more: Partial<RouteOptions> & { readonly timeMs?: number } = {},
  ): RouteOptions & { attempts: AttemptRecord[] } {
    const { timeMs = 600_000, ...rest } = more;
    return {
      signal: this.ending.signal,
      deadline: this.now() + timeMs,
      firstByteTimeoutMs: 60_000,
      attempts: [],
      ...rest,
    };
  }

  /** So many requests, each of which fails, until the circuit of this candidate is open. */
  async openCircuit(of: Candidate): Promise<void> {
    for (let tries = 0; tries < 10; tries++) {
      const one = failure('UNAVAILABLE', { provider: of.providerId, retryable: false });
      await this.router.ask(of, this.options(), () => Promise.reject(one)).catch(() => {});
    }
    if (this.health.view(of.providerId, of.credential).circuit !== 'OPEN') throw new Error('the circuit is not open');
  }
}

/** What each candidate's attempts come to, in turn; the last is repeated. A string is an answer. */
export type Script = Readonly<Record<string, readonly (string | Error)[]>>;

export function scripted(script: Script): {
  readonly asked: string[];
  attempt(candidate: Candidate): Promise<string>;
} {
  const asked: string[] = [];
  return {
    asked,
    async attempt({ providerId }) {
      const steps = script[providerId]!;
      const step = steps[Math.min(asked.filter((id) => id === providerId).length, steps.length - 1)]!;
      asked.push(providerId);
      if (step instanceof Error) throw step;
      return step;
    },
  };
}

/** Attempts in short: "a SERVED, b UNAVAILABLE". */
export const inShort = (attempts: readonly AttemptRecord[]): string =>
  attempts.map(({ provider, outcome }) => `${provider} ${outcome}`).join(', ');
