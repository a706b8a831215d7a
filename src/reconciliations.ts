import type { UsageSource } from '../providers/contract/usage';
import type { Database } from './db/database';
import type { Clock } from './lib/clock';
import { ReconciliationOperations } from './operations/account/reconciliation-operations';
import { Reconciler } from './reconciliation/reconciler';

export interface Reconciliations {
  readonly operations: ReconciliationOperations;
  close(): Promise<void>;
}

/** Our records against the providers' own. `providers` are the ids of all of them. */
export function openReconciliations(
  sources: ReadonlyMap<string, UsageSource>,
  providers: Iterable<string>,
  { database, clock }: { readonly database: Database; readonly clock: Clock },
): Reconciliations {
  return {
    operations: new ReconciliationOperations({
      clock,
      reconciler: new Reconciler(database, clock),
      sources,
      providers: new Set(providers),
    }),
    async close() {
      await Promise.all([...sources.values()].map((source) => source.close()));
    },
  };
}
