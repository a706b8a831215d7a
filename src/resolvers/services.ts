import type { Capability } from '../../schema/enums/capability';
import type { AlertRuleInput, UpdateAlertRuleInput } from '../../schema/inputs/alert-inputs';
import type { CreateApiKeyInput, RotateApiKeyInput } from '../../schema/inputs/api-key-inputs';
import type { ChangePlanInput, SetOverageLimitInput } from '../../schema/inputs/billing-inputs';
import type { ChatInput } from '../../schema/inputs/chat-inputs';
import type { CreateClientTokenInput } from '../../schema/inputs/client-token-inputs';
import type { SetEndUserLimitInput } from '../../schema/inputs/end-user-limit-inputs';
import type {
  CreateBillingPortalSessionInput,
  CreateCheckoutSessionInput,
  CreateTopUpSessionInput,
} from '../../schema/inputs/payment-inputs';
import type { SetProviderCredentialInput } from '../../schema/inputs/provider-credential-inputs';
import type { SynthesizeSpeechInput } from '../../schema/inputs/speech-inputs';
import type { EstimateTranscriptionInput, TranscribeInput } from '../../schema/inputs/transcription-inputs';
import type { CreateUploadInput } from '../../schema/inputs/upload-inputs';
import type { UsageBucketFilter } from '../../schema/inputs/usage-bucket-filter';
import type { UsageEventFilter } from '../../schema/inputs/usage-event-filter';
import type { CreateUsageExportInput, VoiceUsageRangeInput } from '../../schema/inputs/usage-export-inputs';
import type { VoiceFilter } from '../../schema/inputs/voice-filter';
import type { CreateWebhookEndpointInput } from '../../schema/inputs/webhook-inputs';
import type {
  CreateWorkspaceInput,
  GrantCreditsInput,
  SetWorkspacePlanInput,
} from '../../schema/inputs/workspace-inputs';
import type { Alert, AlertRule } from '../../schema/types/alert';
import type { ApiKey, CreateApiKeyPayload } from '../../schema/types/api-key';
import type { BalancePayload } from '../../schema/types/balance-payload';
import type { BillingSubscription } from '../../schema/types/billing-subscription';
import type { ChatPayload } from '../../schema/types/chat';
import type { ChatStreamEvent } from '../../schema/types/chat-stream';
import type { CreateClientTokenPayload } from '../../schema/types/client-token';
import type { Connection } from '../../schema/types/connection';
import type { CreditBalance } from '../../schema/types/credit-balance';
import type { EndUserLimit } from '../../schema/types/end-user-limit';
import type { GrantCreditsPayload } from '../../schema/types/grant-credits-payload';
import type { Invoice } from '../../schema/types/invoice';
import type { OperationUsage } from '../../schema/types/operation-usage';
import type { Plan } from '../../schema/types/plan';
import type { Provider } from '../../schema/types/provider';
import type { ProviderCredential } from '../../schema/types/provider-credential';
import type { RateCard } from '../../schema/types/rate-card';
import type { ReconciliationReport } from '../../schema/types/reconciliation';
import type { RedirectSessionPayload } from '../../schema/types/redirect-session-payload';
import type { CancelSpeechPayload, Speech, SynthesizeSpeechPayload } from '../../schema/types/speech';
import type { SpeechStreamEvent } from '../../schema/types/speech-stream';
import type { SubscriptionPayload } from '../../schema/types/subscription-payload';
import type { TranscribePayload, Transcription } from '../../schema/types/transcription';
import type { Upload } from '../../schema/types/upload';
import type { UsageBucket } from '../../schema/types/usage-bucket';
import type { UsageEstimate } from '../../schema/types/usage-estimate';
import type { CreateUsageExportPayload } from '../../schema/types/usage-export';
import type { UsageSummary } from '../../schema/types/usage-summary';
import type { UsageUpdate } from '../../schema/types/usage-update';
import type { Voice } from '../../schema/types/voice';
import type { VoiceUsageRow } from '../../schema/types/voice-usage';
import type { CreateWebhookEndpointPayload, WebhookDelivery, WebhookEndpoint } from '../../schema/types/webhook';
import type { CreateWorkspacePayload, Workspace } from '../../schema/types/workspace';
import type { Caller, PrincipalContext } from '../identity/caller';
import type { Page } from './page';

/*
 * What the resolvers delegate to. Scopes have been checked before a method is called; everything else is the
 * service's: whose the objects are (a foreign id is NOT_FOUND, as a missing one), what a client token may see (its own
 * speeches, usage and budget), and the values of inputs. Refusals are AppErrors.
 *
 * A live method resolves once the subscription is admitted and rejects when it is refused; the iterable may throw
 * later. Its `return` must take effect at once, even while `next` is waiting, so it is never an async generator.
 */

type MaybePromise<Value> = Value | Promise<Value>;

export interface SpeechService {
  /** Metered. */
  synthesize(context: PrincipalContext, input: SynthesizeSpeechInput): Promise<SynthesizeSpeechPayload>;
  /** Metered. `after`: the last sequence seen; null: from the start. Ends upstream when its iterator is returned. */
  stream(
    context: PrincipalContext,
    input: SynthesizeSpeechInput,
    after: number | null,
  ): Promise<AsyncIterable<SpeechStreamEvent>>;
  cancel(context: PrincipalContext, id: string): Promise<CancelSpeechPayload>;
  /** Resolves once audio and text are gone. */
  delete(context: PrincipalContext, id: string): Promise<void>;
  find(context: PrincipalContext, id: string): Promise<Speech>;
  estimate(context: PrincipalContext, input: SynthesizeSpeechInput): Promise<UsageEstimate>;
  /** Cheapest first. */
  compare(context: PrincipalContext, input: SynthesizeSpeechInput): Promise<readonly UsageEstimate[]>;
}

export interface TranscriptionService {
  /** Metered. Runs to its end once a provider was called, whatever becomes of the caller. */
  transcribe(context: PrincipalContext, input: TranscribeInput): Promise<TranscribePayload>;
  find(context: PrincipalContext, id: string): Promise<Transcription>;
  /** Resolves once the text is gone. */
  delete(context: PrincipalContext, id: string): Promise<void>;
  estimate(context: PrincipalContext, input: EstimateTranscriptionInput): Promise<UsageEstimate>;
}

export interface UploadService {
  create(context: PrincipalContext, input: CreateUploadInput): Promise<Upload>;
}

export interface ChatService {
  /** Metered. Runs to its end, whatever becomes of the caller. */
  chat(context: PrincipalContext, input: ChatInput): Promise<ChatPayload>;
  /** Metered. `after`: the last sequence seen; null: from the start. Returning its iterator ends the chat. */
  stream(context: PrincipalContext, input: ChatInput, after: number | null): Promise<AsyncIterable<ChatStreamEvent>>;
  estimate(context: PrincipalContext, input: ChatInput): Promise<UsageEstimate>;
}

export interface BalanceService {
  /** Of the workspace; for a client token, of its own budget. */
  balance(context: PrincipalContext): Promise<CreditBalance>;
}

export interface UsageService {
  /** The period that holds `at`; null: the present one. */
  summary(context: PrincipalContext, at: Date | null): Promise<UsageSummary>;
  /** Newest first. */
  events(context: PrincipalContext, filter: UsageEventFilter, page: Page): Promise<Connection<OperationUsage>>;
  event(context: PrincipalContext, id: string): Promise<OperationUsage>;
}

/** Of the whole workspace, so closed to client tokens. */
export interface UsageSumsService {
  /** In the order of time. */
  buckets(context: PrincipalContext, filter: UsageBucketFilter, page: Page): Promise<Connection<UsageBucket>>;
  /** In the order of days. */
  voiceUsage(context: PrincipalContext, range: VoiceUsageRangeInput, page: Page): Promise<Connection<VoiceUsageRow>>;
}

export interface UsageExportService {
  create(context: PrincipalContext, input: CreateUsageExportInput): Promise<CreateUsageExportPayload>;
}

export interface LiveService {
  /** In order of settlement, each once. `after`: the cursor last seen; one that is too old is RESUME_EXPIRED. */
  usageUpdated(context: PrincipalContext, after: string | null): Promise<AsyncIterable<UsageUpdate>>;
  /** The present balance at once, then each change. */
  balanceChanged(context: PrincipalContext): Promise<AsyncIterable<CreditBalance>>;
}

/** Open to everyone, so the principal may be null; availability then is the platform's own. */
export interface CatalogueService {
  /** null: every capability. */
  providers(context: Caller, capability: Capability | null): MaybePromise<readonly Provider[]>;
  /** null when no such adapter is loaded. Asked once for each usage or speech of a list: keep it cheap. */
  provider(context: Caller, id: string): MaybePromise<Provider | null>;
  rateCard(context: Caller): MaybePromise<RateCard>;
  plans(context: Caller): MaybePromise<readonly Plan[]>;
}

export interface WorkspaceService {
  current(context: PrincipalContext): Promise<Workspace>;
  create(context: PrincipalContext, input: CreateWorkspaceInput): Promise<CreateWorkspacePayload>;
  setPlan(context: PrincipalContext, input: SetWorkspacePlanInput): Promise<Workspace>;
  grantCredits(context: PrincipalContext, input: GrantCreditsInput): Promise<GrantCreditsPayload>;
}

export interface BillingService {
  /** null where nothing was ever paid for. */
  subscription(context: PrincipalContext): Promise<BillingSubscription | null>;
  changePlan(context: PrincipalContext, input: ChangePlanInput): Promise<SubscriptionPayload>;
  /** `resume` takes a cancellation back. */
  cancel(context: PrincipalContext, resume: boolean): Promise<SubscriptionPayload>;
  setOverageLimit(context: PrincipalContext, input: SetOverageLimitInput): Promise<BalancePayload>;
  /** Newest first. */
  invoices(context: PrincipalContext, page: Page): Promise<Connection<Invoice>>;
}

/** Each is BILLING_NOT_CONFIGURED where no payment provider is set up. */
export interface PaymentService {
  checkout(context: PrincipalContext, input: CreateCheckoutSessionInput): Promise<RedirectSessionPayload>;
  topUp(context: PrincipalContext, input: CreateTopUpSessionInput): Promise<RedirectSessionPayload>;
  portal(context: PrincipalContext, input: CreateBillingPortalSessionInput): Promise<RedirectSessionPayload>;
}

export interface KeyService {
  /** Newest first, revoked ones included. */
  list(context: PrincipalContext, page: Page): Promise<Connection<ApiKey>>;
  create(context: PrincipalContext, input: CreateApiKeyInput): Promise<CreateApiKeyPayload>;
  rotate(context: PrincipalContext, input: RotateApiKeyInput): Promise<CreateApiKeyPayload>;
  revoke(context: PrincipalContext, id: string): Promise<ApiKey>;
  createClientToken(context: PrincipalContext, input: CreateClientTokenInput): Promise<CreateClientTokenPayload>;
  revokeClientToken(context: PrincipalContext, id: string): Promise<void>;
}

/** The workspace's own provider keys. None of the answers holds a key. */
export interface ProviderCredentialService {
  list(context: PrincipalContext): Promise<readonly ProviderCredential[]>;
  set(context: PrincipalContext, input: SetProviderCredentialInput): Promise<ProviderCredential>;
  /** The id of what is gone. */
  delete(context: PrincipalContext, provider: string): Promise<string>;
  /** Also where its adapter is no longer loaded. */
  providerOf(context: Caller, id: string): Promise<Provider>;
}

/** What single end users may use. */
export interface EndUserLimitService {
  /** In the order of the ids of the end users. */
  list(context: PrincipalContext, page: Page): Promise<Connection<EndUserLimit>>;
  set(context: PrincipalContext, input: SetEndUserLimitInput): Promise<EndUserLimit>;
  /** The end user's id, which has no limits any more. */
  delete(context: PrincipalContext, endUserId: string): Promise<string>;
}

export interface VoiceService {
  list(context: PrincipalContext, filter: VoiceFilter, page: Page): Promise<Connection<Voice>>;
  find(context: PrincipalContext, id: string): Promise<Voice>;
  /** null where it is not known without asking a provider. Never rejects for want of a provider. */
  known(context: PrincipalContext, id: string | null): Promise<Voice | null>;
}

/** For permanent keys alone. */
export interface AlertService {
  /** Oldest first. */
  listRules(context: PrincipalContext): Promise<readonly AlertRule[]>;
  createRule(context: PrincipalContext, input: AlertRuleInput): Promise<AlertRule>;
  updateRule(context: PrincipalContext, input: UpdateAlertRuleInput): Promise<AlertRule>;
  deleteRule(context: PrincipalContext, id: string): Promise<void>;
  /** Newest first. */
  list(context: PrincipalContext, page: Page): Promise<Connection<Alert>>;
  /** In order, each once. `after`: the cursor last seen; one that is too old is RESUME_EXPIRED. */
  raised(context: PrincipalContext, after: string | null): Promise<AsyncIterable<Alert>>;
}

/** For the operator alone. */
export interface ReconciliationService {
  /** Asks the provider. At most 31 days; the report is of whole UTC days. */
  report(context: PrincipalContext, provider: string, start: Date, end: Date): Promise<ReconciliationReport>;
}

export interface WebhookService {
  list(context: PrincipalContext): Promise<readonly WebhookEndpoint[]>;
  /** Newest first. */
  deliveries(context: PrincipalContext, endpointId: string, page: Page): Promise<Connection<WebhookDelivery>>;
  create(context: PrincipalContext, input: CreateWebhookEndpointInput): Promise<CreateWebhookEndpointPayload>;
  rotate(context: PrincipalContext, id: string): Promise<CreateWebhookEndpointPayload>;
  /** The id of what is gone. */
  delete(context: PrincipalContext, id: string): Promise<string>;
}

export interface Services {
  readonly speech: SpeechService;
  readonly transcription: TranscriptionService;
  readonly uploads: UploadService;
  readonly chat: ChatService;
  readonly balance: BalanceService;
  readonly billing: BillingService;
  readonly payments: PaymentService;
  readonly usage: UsageService;
  readonly usageSums: UsageSumsService;
  readonly usageExports: UsageExportService;
  readonly live: LiveService;
  readonly catalogue: CatalogueService;
  readonly workspaces: WorkspaceService;
  readonly keys: KeyService;
  readonly providerCredentials: ProviderCredentialService;
  readonly endUserLimits: EndUserLimitService;
  readonly voices: VoiceService;
  readonly webhooks: WebhookService;
  readonly reconciliation: ReconciliationService;
  readonly alerts: AlertService;
}
