import type { Credential } from '../../../providers/contract/credential';
import type { ProviderErrorKind } from '../../../providers/contract/errors';
import type { ProviderHealth } from '../../../schema/types/provider';
import type { Clock } from '../../lib/clock';
import { Circuit, type Permit } from './circuit';
import { credentialKey, isOwnKey } from './credentials';
import { RecentAttempts } from './recent-attempts';

/** Own keys and models that are remembered at once; the one that was unused the longest makes room. */
const OWN_KEYS_MAX = 1_000;
const MODELS_MAX = 1_000;

const UNKNOWN_HEALTH: ProviderHealth = { circuit: 'CLOSED', errorRate: null, latencyP50Ms: null, latencyP95Ms: null };

interface Asked {
  readonly providerId: string;
  readonly credential: Credential;
}

/** One provider with one credential: what became of the requests to it. Times are those of the monotonic clock. */
export class WatchedCredential {
  readonly circuit = new Circuit();
  readonly recent = new RecentAttempts();

  constructor(private readonly latenciesOf: (modelId: string) => RecentAttempts) {}

  answered(permit: Permit, modelId: string, now: number, latencyMs: number): void {
    this.circuit.answered(permit, now);
    this.recent.answered(now, latencyMs);
    this.latenciesOf(modelId).answered(now, latencyMs);
  }

  failed(permit: Permit, kind: ProviderErrorKind, now: number, retryAfterMs?: number): void {
    this.circuit.failed(permit, kind, now, retryAfterMs);
    // A refusal, a wrong key and a caller who left say nothing about the provider's health.
    if (kind === 'UNAVAILABLE' || kind === 'TIMEOUT') this.recent.failed(now);
  }

  /** An answer that had been counted as such broke off. */
  broke(kind: ProviderErrorKind, now: number, retryAfterMs?: number): void {
    if (kind !== 'UNAVAILABLE' && kind !== 'TIMEOUT') return;
    this.circuit.brokeOff(now, retryAfterMs);
    this.recent.broke(now);
  }
}

/**
 * How each provider has answered this process of late, apart for each credential: an own key's failures say nothing
 * about the platform's, nor the reverse. Bounded: the platform has one entry a provider, own keys make room for newer
 * ones and are known by a fingerprint only.
 */
export class ProviderHealthWatch {
  private readonly platform = new Map<string, WatchedCredential>();
  private readonly ownKeys = new Map<string, WatchedCredential>();
  private readonly models = new Map<string, RecentAttempts>();

  constructor(private readonly clock: Clock) {}

  of({ providerId, credential }: Asked): WatchedCredential {
    if (!isOwnKey(credential)) {
      const known = this.platform.get(providerId);
      if (known) return known;
      const watched = this.watch();
      this.platform.set(providerId, watched);
      return watched;
    }
    const key = credentialKey(providerId, credential);
    const watched = this.ownKeys.get(key) ?? this.watch();
    keepNewest(this.ownKeys, key, watched, OWN_KEYS_MAX);
    return watched;
  }

  /** As the schema shows it, for the credential that a caller would use. Remembers nothing. */
  view(providerId: string, credential: Credential): ProviderHealth {
    const watched = isOwnKey(credential)
      ? this.ownKeys.get(credentialKey(providerId, credential))
      : this.platform.get(providerId);
    if (!watched) return UNKNOWN_HEALTH;
    const now = this.clock.monotonic();
    const { errorRate, p50Ms, p95Ms } = watched.recent.summarize(now);
    return { circuit: watched.circuit.state(now), errorRate, latencyP50Ms: p50Ms, latencyP95Ms: p95Ms };
  }

  /** Median time to the first byte of a model, in milliseconds, whoever's key asked; null: too few attempts to tell. */
  latencyOf(modelId: string): number | null {
    return this.models.get(modelId)?.summarize(this.clock.monotonic()).p50Ms ?? null;
  }

  private watch(): WatchedCredential {
    return new WatchedCredential((modelId) => {
      const known = this.models.get(modelId);
      if (known) return known;
      const recent = new RecentAttempts();
      keepNewest(this.models, modelId, recent, MODELS_MAX);
      return recent;
    });
  }
}

/** A Map remembers the order in which its keys were set. */
function keepNewest<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  if (map.size >= most) map.delete(map.keys().next().value!);
  map.set(key, value);
}
