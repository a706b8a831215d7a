import type { Database } from '../../db/database';
import type { Clock } from '../../lib/clock';
import { AppError } from '../../lib/errors';
import { CachedLookup } from '../cached-lookup';
import type { LastUse } from '../last-use';
import type { IdentityNotices } from '../notices';
import type { Principal } from '../principal';
import { type CredentialSealer, type SealedSecret } from './sealer';

/** A workspace's own key for a provider, as an adapter takes it. Never logged; it goes to its provider alone. */
export interface StoredKey {
  readonly source: 'STORED_KEY';
  readonly secret: string;
}

export interface StoredKeysDependencies {
  readonly database: Pick<Database, 'query'>;
  readonly clock: Clock;
  readonly notices: IdentityNotices;
  readonly sealer: CredentialSealer;
  /** Of the table provider_credentials. */
  readonly lastUse: LastUse;
}

export interface StoredKeysLimits {
  /** Workspaces remembered, those without any key included; 10,000 by default. */
  readonly entriesMost?: number;
  /** While changes made by other processes are heard; 30 s by default. */
  readonly trustedForMs?: number;
  /** While they are not; 2 s by default. */
  readonly doubtedForMs?: number;
}

interface KeysOfWorkspace {
  readonly workspaceId: string;
  /** By provider. Sealed as they are in the database, and opened at each use. */
  readonly keys: ReadonlyMap<string, SealedSecret & { readonly id: string }>;
}

interface Row {
  id: string;
  provider: string;
  sealed_by: Buffer;
  sealed: Buffer;
}

const NO_KEYS: KeysOfWorkspace['keys'] = new Map();

/**
 * The stored provider keys, for whoever is about to ask a provider. What a workspace has, and that it has none, is
 * remembered: an operation reads nothing from the database. A change ends what is remembered on every process, here
 * before the change has answered.
 */
export class StoredKeys {
  private readonly cache: CachedLookup<KeysOfWorkspace>;
  private readonly endNotices: () => void;

  constructor(
    private readonly dependencies: StoredKeysDependencies,
    limits: StoredKeysLimits = {},
  ) {
    const { clock, notices } = dependencies;
    const { entriesMost = 10_000, trustedForMs = 30_000, doubtedForMs = 2_000 } = limits;
    this.cache = new CachedLookup({
      clock,
      load: (workspaceId) => this.load(workspaceId),
      foundMost: entriesMost,
      // A workspace without keys is an answer like any other.
      missingMost: 0,
      foundForMs: () => (notices.connected ? trustedForMs : doubtedForMs),
      missingForMs: 0,
    });
    this.endNotices = notices.listen(
      ({ change, workspaceId }) => {
        if (change === 'provider-key-changed') this.cache.forget((known) => known.workspaceId === workspaceId);
      },
      () => this.cache.forgetAll(),
    );
  }

  /**
   * The workspace's key for a provider; null: it keeps none. Errors: UNAVAILABLE when the database cannot be asked, or
   * when the key cannot be opened: another key must never take its place.
   */
  async find(workspaceId: string, providerId: string): Promise<StoredKey | null> {
    const { keys } = await this.of(workspaceId);
    const sealed = keys.get(providerId);
    if (!sealed) return null;
    try {
      const place = { workspaceId, provider: providerId, id: sealed.id };
      return { source: 'STORED_KEY', secret: this.dependencies.sealer.open(place, sealed) };
    } catch (error) {
      throw new AppError(
        'UNAVAILABLE',
        `The stored key for ${providerId} cannot be read on this server. Set it again with setProviderCredential, or delete it.`,
        { provider: providerId },
        error,
      );
    }
  }

  /** The same for a caller: a client token uses stored keys only where it was made to. */
  async findFor(
    principal: Pick<Principal, 'workspaceId' | 'allowStoredKeys'> | null,
    providerId: string,
  ): Promise<StoredKey | null> {
    return principal?.allowStoredKeys ? this.find(principal.workspaceId, providerId) : null;
  }

  /** Providers for which a caller's requests would go out with a stored key. */
  async providersFor(
    principal: Pick<Principal, 'workspaceId' | 'allowStoredKeys'> | null,
  ): Promise<{ has(providerId: string): boolean }> {
    return principal?.allowStoredKeys ? (await this.of(principal.workspaceId)).keys : NO_KEYS;
  }

  /** Notes that a key was used; written later, beside the path of requests. Never throws. */
  noteUse(workspaceId: string, providerId: string): void {
    this.of(workspaceId).then(
      ({ keys }) => {
        const used = keys.get(providerId);
        if (used) this.dependencies.lastUse.note(used.id);
      },
      () => {},
    );
  }

  /** Stops listening to notices, and writes what is left of last uses. */
  async close(): Promise<void> {
    this.endNotices();
    await this.dependencies.lastUse.stop();
  }

  private async of(workspaceId: string): Promise<KeysOfWorkspace> {
    return (await this.cache.get(workspaceId))!;
  }

  private async load(workspaceId: string): Promise<KeysOfWorkspace> {
    const { rows } = await this.dependencies.database.query<Row>(
      'SELECT id, provider, sealed_by, sealed FROM provider_credentials WHERE workspace_id = $1',
      [workspaceId],
      'identity_provider_keys',
    );
    if (rows.length === 0) return { workspaceId, keys: NO_KEYS };
    const keys = new Map(
      rows.map((row) => [row.provider, { id: row.id, sealedBy: row.sealed_by, sealed: row.sealed }]),
    );
    return { workspaceId, keys };
  }
}
