import { BalanceResolver } from './balance.resolver';
import { CatalogueResolver, UsageEstimateResolver } from './catalogue.resolver';
import { KeyResolver } from './key.resolver';
import { SpeechResolver } from './speech.resolver';
import { UsageResolver } from './usage.resolver';
import { WorkspaceResolver } from './workspace.resolver';

/** Every resolver class; the schema is built of these. */
export const resolvers = [
  WorkspaceResolver,
  CatalogueResolver,
  SpeechResolver,
  BalanceResolver,
  UsageResolver,
  UsageEstimateResolver,
  KeyResolver,
] as const;
