import { Ledger1763683200000 } from './0001-ledger';

/** In the order in which they run. */
export const MIGRATIONS = [Ledger1763683200000];
