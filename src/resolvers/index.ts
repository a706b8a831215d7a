import { AlertResolver } from './alert.resolver';
import { BalanceResolver } from './balance.resolver';
import { BillingResolver } from './billing.resolver';
import { CatalogueResolver, UsageEstimateResolver } from './catalogue.resolver';
import { ChatResolver } from './chat.resolver';
import { EndUserLimitResolver } from './end-user-limit.resolver';
import { KeyResolver } from './key.resolver';
import { PaymentResolver } from './payment.resolver';
import { ProviderCredentialResolver } from './provider-credential.resolver';
import { ReconciliationResolver } from './reconciliation.resolver';
import { SpeechResolver } from './speech.resolver';
import { TranscriptionResolver } from './transcription.resolver';
import { UploadResolver } from './upload.resolver';
import { UsageResolver } from './usage.resolver';
import { UsageSumsResolver } from './usage-sums.resolver';
import { VoiceResolver } from './voice.resolver';
import { WebhookResolver } from './webhook.resolver';
import { WorkspaceResolver } from './workspace.resolver';

/** Every resolver class; the schema is built of these. */
export const resolvers = [
  WorkspaceResolver,
  CatalogueResolver,
  SpeechResolver,
  TranscriptionResolver,
  UploadResolver,
  ChatResolver,
  BalanceResolver,
  BillingResolver,
  PaymentResolver,
  UsageResolver,
  UsageSumsResolver,
  UsageEstimateResolver,
  KeyResolver,
  ProviderCredentialResolver,
  EndUserLimitResolver,
  VoiceResolver,
  WebhookResolver,
  ReconciliationResolver,
  AlertResolver,
] as const;
