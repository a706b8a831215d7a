import { Ledger1763683200000 } from './0001-ledger';
import { ProviderCredentials1763769600000 } from './0002-provider-credentials';
import { Transcriptions1763856000000 } from './0003-transcriptions';
import { Chats1763942400000 } from './0004-chats';
import { RouteHolds1764028800000 } from './0005-route-holds';
import { Billing1764115200000 } from './0006-billing';
import { Stripe1764201600000 } from './0007-stripe';
import { UsageAnalytics1764288000000 } from './0008-usage-analytics';
import { Alerts1764374400000 } from './0009-alerts';
import { Webhooks1764460800000 } from './0010-webhooks';
import { Reconciliation1764547200000 } from './0011-reconciliation';
import { UsageExports1764633600000 } from './0012-usage-exports';

/** In the order in which they run. */
export const MIGRATIONS = [
  Ledger1763683200000,
  ProviderCredentials1763769600000,
  Transcriptions1763856000000,
  Chats1763942400000,
  RouteHolds1764028800000,
  Billing1764115200000,
  Stripe1764201600000,
  UsageAnalytics1764288000000,
  Alerts1764374400000,
  Webhooks1764460800000,
  Reconciliation1764547200000,
  UsageExports1764633600000,
];
