import type { Database } from '../../db/database';
import { type CredentialSealer, type SealedPlace, UnreadableSecret } from './sealer';

/** What became of the stored provider keys that an older root of ENCRYPTION_KEY had sealed. */
export interface Reencryption {
  /** Sealed anew with the newest root. */
  readonly reencrypted: number;
  /** Sealed with it before. */
  readonly upToDate: number;
  /** Left as they were: no root of ENCRYPTION_KEY opens them. */
  readonly unreadable: readonly (SealedPlace & { readonly why: UnreadableSecret['why'] })[];
}

interface Row {
  id: string;
  workspace_id: string;
  provider: string;
  sealed_by: Buffer;
  sealed: Buffer;
}

const BATCH = 200;

/**
 * Seals every stored provider key with the newest root, so that older roots may leave ENCRYPTION_KEY. Beside running
 * servers, and as often as one likes: a key that is set, deleted or sealed by another meanwhile is left to whoever did.
 */
export async function reencryptProviderCredentials(
  database: Pick<Database, 'query'>,
  sealer: CredentialSealer,
): Promise<Reencryption> {
  const { rows: counted } = await database.query<{ count: number }>(
    'SELECT count(*)::integer AS count FROM provider_credentials WHERE sealed_by = $1',
    [sealer.newest],
  );
  let reencrypted = 0;
  const unreadable: Reencryption['unreadable'][number][] = [];
  for (let afterId = '00000000-0000-0000-0000-000000000000'; ; ) {
    const { rows } = await database.query<Row>(
      `SELECT id, workspace_id, provider, sealed_by, sealed FROM provider_credentials
       WHERE sealed_by <> $1 AND id > $2 ORDER BY id LIMIT $3`,
      [sealer.newest, afterId, BATCH],
    );
    for (const row of rows) {
      const place = { workspaceId: row.workspace_id, provider: row.provider, id: row.id };
      try {
        const secret = sealer.open(place, { sealedBy: row.sealed_by, sealed: row.sealed });
        const fresh = sealer.seal(place, secret);
        const { rowCount } = await database.query(
          'UPDATE provider_credentials SET sealed_by = $2, sealed = $3 WHERE id = $1 AND sealed = $4',
          [row.id, fresh.sealedBy, fresh.sealed, row.sealed],
        );
        reencrypted += rowCount;
      } catch (error) {
        if (!(error instanceof UnreadableSecret)) throw error;
        unreadable.push({ ...place, why: error.why });
      }
    }
    if (rows.length < BATCH) return { reencrypted, upToDate: counted[0]!.count, unreadable };
    afterId = rows.at(-1)!.id;
  }
}
