import type { Database } from '../db/database';
import type { Clock } from '../lib/clock';
import { CachedLookup } from './cached-lookup';
import { type Credential, findCredential } from './credentials';
import type { LastUse } from './last-use';
import type { IdentityNotices, Notice } from './notices';
import type { Principal } from './principal';
import { unauthenticated } from './refusals';
import { hashSecret, kindOfSecret, type SecretKind } from './secrets';

/** Whom a change concerns: principals that agree with every id given. No id at all: everybody. */
export interface Concerned {
  readonly workspaceId?: string;
  readonly apiKeyId?: string;
  readonly clientTokenId?: string;
}

/** Whether a change concerns this principal. A key's id concerns the tokens that it made as well. */
export const concerns = (who: Concerned, principal: Principal): boolean =>
  (who.workspaceId === undefined || who.workspaceId === principal.workspaceId) &&
  (who.apiKeyId === undefined || who.apiKeyId === principal.apiKeyId) &&
  (who.clientTokenId === undefined || who.clientTokenId === principal.clientTokenId);

export interface AuthenticatorDependencies {
  readonly database: Pick<Database, 'query'>;
  readonly clock: Clock;
  readonly notices: IdentityNotices;
  readonly lastUse: LastUse;
}

export interface AuthenticatorLimits {
  /** Secrets remembered; 10,000 by default. */
  readonly entriesMost?: number;
  /** While changes made by other processes are heard; 30 s by default. */
  readonly trustedForMs?: number;
  /** While they are not; 2 s by default. */
  readonly doubtedForMs?: number;
}

/** Unknown secrets that are remembered as such, and for how long: enough to spare the database a client that retries. */
const UNKNOWN_MOST = 1_000;
const UNKNOWN_FOR_MS = 2_000;

/** Turns secrets into principals. What it remembers ends with the first notice of a change. */
export class Authenticator {
  private readonly cache: CachedLookup<Credential>;
  private readonly onRevokedHandlers = new Set<(who: Concerned) => void>();
  private readonly onChangedHandlers = new Set<(who: Concerned) => void>();
  private readonly endNotices: () => void;

  constructor(
    private readonly dependencies: AuthenticatorDependencies,
    limits: AuthenticatorLimits = {},
  ) {
    const { database, clock, notices } = dependencies;
    const { entriesMost = 10_000, trustedForMs = 30_000, doubtedForMs = 2_000 } = limits;
    this.cache = new CachedLookup({
      clock,
      load: (key) => {
        const { kind, hash } = parseCacheKey(key);
        return findCredential(database, kind, hash);
      },
      foundMost: entriesMost,
      missingMost: UNKNOWN_MOST,
      foundForMs: () => (notices.connected ? trustedForMs : doubtedForMs),
      missingForMs: UNKNOWN_FOR_MS,
    });
    this.endNotices = notices.listen(
      (notice) => this.hear(notice),
      () => this.missed(),
    );
  }

  /**
   * The principal of an API key's or a client token's secret. Throws UNAUTHENTICATED when it opens nothing (any more),
   * and what the database throws (UNAVAILABLE) when it cannot be asked.
   */
  async authenticate(secret: string | null | undefined): Promise<Principal> {
    if (!secret) throw unauthenticated('missing');
    const kind = kindOfSecret(secret);
    if (kind === null) throw unauthenticated('unknown');
    const credential = await this.cache.get(cacheKey(kind, hashSecret(secret)));
    if (credential === null) throw unauthenticated('unknown');
    if (credential.revoked) throw unauthenticated('revoked');
    const { principal } = credential;
    if (principal.expiresAtMs !== null && principal.expiresAtMs <= this.dependencies.clock.now()) {
      throw unauthenticated(credential.afterExpiry);
    }
    if (principal.kind === 'api-key') this.dependencies.lastUse.note(principal.apiKeyId);
    return principal;
  }

  /** Called when a key or a token was revoked: whatever it opened ends at once. Returns the function that ends it. */
  onRevoked(handler: (who: Concerned) => void): () => void {
    this.onRevokedHandlers.add(handler);
    return () => void this.onRevokedHandlers.delete(handler);
  }

  /**
   * Called when what a secret opens may have changed (a rotation, another plan, notices that were missed): whoever
   * keeps a principal authenticates its secret again. Returns the function that ends it.
   */
  onChanged(handler: (who: Concerned) => void): () => void {
    this.onChangedHandlers.add(handler);
    return () => void this.onChangedHandlers.delete(handler);
  }

  /** Stops listening to notices. */
  close(): void {
    this.endNotices();
    this.onRevokedHandlers.clear();
    this.onChangedHandlers.clear();
  }

  private hear({ change, workspaceId, apiKeyId, clientTokenId }: Notice): void {
    // A stored provider key says nothing about who may sign in.
    if (change === 'provider-key-changed') return;
    const who: Concerned = {
      workspaceId,
      ...(apiKeyId !== undefined && { apiKeyId }),
      ...(clientTokenId !== undefined && { clientTokenId }),
    };
    this.cache.forget(({ principal }) => concerns(who, principal));
    if (change === 'key-created') return;
    const handlers = change.endsWith('-revoked') ? this.onRevokedHandlers : this.onChangedHandlers;
    for (const handler of handlers) handler(who);
  }

  private missed(): void {
    this.cache.forgetAll();
    for (const handler of this.onChangedHandlers) handler({});
  }
}

/** Hashes, not secrets: what lies in memory for long opens nothing. */
const cacheKey = (kind: SecretKind, hash: Buffer): string => `${kind} ${hash.toString('base64')}`;

function parseCacheKey(key: string): { kind: SecretKind; hash: Buffer } {
  const [kind, hash] = key.split(' ') as [SecretKind, string];
  return { kind, hash: Buffer.from(hash, 'base64') };
}
