import type { Database } from '../db/database';
import { type SealedSecret, UnreadableSecret } from '../lib/secret-sealer';
import type { WebhookSecretPlace, WebhookSecretSealer } from './webhook-secret';

/** What became of the secrets of endpoints that an older root of ENCRYPTION_KEY had sealed. */
export interface SecretsReencryption {
  /** Sealed anew with the newest root. */
  readonly reencrypted: number;
  /** Sealed with it before. */
  readonly upToDate: number;
  /** Left as they were: no root of ENCRYPTION_KEY opens them. */
  readonly unreadable: readonly (WebhookSecretPlace & { readonly why: UnreadableSecret['why'] })[];
}

interface Row {
  id: string;
  workspace_id: string;
  sealed_by: Buffer;
  sealed: Buffer;
  previous_sealed_by: Buffer | null;
  previous_sealed: Buffer | null;
}

const BATCH = 200;

/** In whichever of its two places a secret is by now: a rotation may have moved it. */
const RESEAL = `UPDATE webhook_endpoints SET
    sealed_by = CASE WHEN sealed = $4 THEN $2 ELSE sealed_by END,
    sealed = CASE WHEN sealed = $4 THEN $3 ELSE sealed END,
    previous_sealed_by = CASE WHEN previous_sealed = $4 THEN $2 ELSE previous_sealed_by END,
    previous_sealed = CASE WHEN previous_sealed = $4 THEN $3 ELSE previous_sealed END
  WHERE id = $1 AND (sealed = $4 OR previous_sealed = $4)`;

/**
 * Seals the secrets of every webhook endpoint with the newest root, those that still sign beside them included. Beside
 * running servers, and as often as one likes: what is rotated or deleted meanwhile is left to whoever did.
 */
export async function reencryptWebhookSecrets(
  database: Pick<Database, 'query'>,
  sealer: WebhookSecretSealer,
): Promise<SecretsReencryption> {
  const { rows: counted } = await database.query<{ count: number }>(
    `SELECT (count(*) FILTER (WHERE sealed_by = $1) + count(*) FILTER (WHERE previous_sealed_by = $1))::integer AS count
     FROM webhook_endpoints`,
    [sealer.newest],
  );
  let reencrypted = 0;
  const unreadable: SecretsReencryption['unreadable'][number][] = [];
  for (let afterId = '00000000-0000-0000-0000-000000000000'; ; ) {
    const { rows } = await database.query<Row>(
      `SELECT id, workspace_id, sealed_by, sealed,
         CASE WHEN previous_until > ledger_now() THEN previous_sealed_by END AS previous_sealed_by, previous_sealed
       FROM webhook_endpoints
       WHERE (sealed_by <> $1 OR previous_sealed_by <> $1) AND id > $2 ORDER BY id LIMIT $3`,
      [sealer.newest, afterId, BATCH],
    );
    for (const row of rows) {
      const place = { workspaceId: row.workspace_id, endpointId: row.id };
      for (const column of ['sealed', 'previous_sealed'] as const) {
        const sealed = row[column];
        const sealedBy = row[`${column}_by`];
        if (!sealed || !sealedBy || sealedBy.equals(sealer.newest)) continue;
        try {
          const fresh: SealedSecret = sealer.seal(place, sealer.open(place, { sealedBy, sealed }));
          const { rowCount } = await database.query(RESEAL, [row.id, fresh.sealedBy, fresh.sealed, sealed]);
          reencrypted += rowCount;
        } catch (error) {
          if (!(error instanceof UnreadableSecret)) throw error;
          unreadable.push({ ...place, why: error.why });
        }
      }
    }
    if (rows.length < BATCH) return { reencrypted, upToDate: counted[0]!.count, unreadable };
    afterId = rows.at(-1)!.id;
  }
}
