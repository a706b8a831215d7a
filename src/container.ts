import { join } from 'node:path';
import type { Logger } from 'pino';
import { openAlerting } from './alerting';
import { AccountWatch } from './analytics/account-watch';
import { ChangeFeed } from './analytics/change-feed';
import { UsageFeed } from './analytics/usage-feed';
import { AudioStore } from './audio-store/audio-store';
import { AudioUrls } from './audio-store/signed-urls';
import { Balances } from './billing/balances';
import { ClientTokenBudgets } from './billing/client-token-budgets';
import { EndUserLimits } from './billing/end-user-limits';
import { Invoices } from './billing/invoices';
import type { Settings } from './config';
import { type Core, openCore } from './core';
import { UsageAnnouncer } from './events/usage-announcer';
import { Authenticator } from './identity/authenticator';
import { ClientTokenService } from './identity/client-tokens';
import { LastUse } from './identity/last-use';
import { ProviderCredentials } from './identity/provider-credentials/provider-credentials';
import { CredentialSealer } from './identity/provider-credentials/sealer';
import { StoredKeys } from './identity/provider-credentials/stored-keys';
import type { Ledger } from './ledger/entries';
import { openEventMonths } from './ledger/event-months';
import { PostgresLedger } from './ledger/ledger';
import type { UsageEventRow } from './ledger/usage-event';
import type { Clock } from './lib/clock';
import { newId } from './lib/ids';
import { KeyRing } from './lib/keys';
import type { RequestWindows } from './limits/request-windows';
import { SpeechPaces } from './metering/speech-paces';
import { type Network, openNetwork } from './network';
import { AccountOperations } from './operations/account/account-operations';
import { BillingOperations } from './operations/account/billing-operations';
import { EndUserLimitOperations } from './operations/account/end-user-limit-operations';
import { KeyOperations } from './operations/account/key-operations';
import { LiveFeeds } from './operations/account/live-feeds';
import { PaymentOperations } from './operations/account/payment-operations';
import { ProviderCredentialOperations } from './operations/account/provider-credential-operations';
import { Catalogue, keyedProviders } from './operations/catalogue';
import { ChatEstimates } from './operations/chat/chat-estimates';
import { ChatOperations } from './operations/chat/chat-operations';
import { ChatPlanner } from './operations/chat/chat-plan';
import { ChatPricing } from './operations/chat/chat-pricing';
import { ChatStore } from './operations/chat/chat-store';
import { ChatStreams } from './operations/chat/chat-streams';
import { Listeners } from './operations/listeners';
import { LiveOperations } from './operations/live-operations';
import { RemoteOperations } from './operations/remote-operations';
import { ProviderHealthWatch } from './operations/routing/provider-health';
import { Router } from './operations/routing/router';
import { RunMetered } from './operations/run-metered';
import { AudioAccess } from './operations/speech/audio-access';
import { SpeechEstimates } from './operations/speech/speech-estimates';
import { SpeechOperations } from './operations/speech/speech-operations';
import { SpeechPricing } from './operations/speech/speech-pricing';
import { SpeechStreams } from './operations/speech/speech-streams';
import type { UploadOperations } from './operations/upload-operations';
import type { UsageExports } from './operations/usage/usage-exports';
import { UsageRepository } from './operations/usage-repository';
import { VoiceCatalogue } from './operations/voice-catalogue';
import { VoiceOperations } from './operations/voices/voice-operations';
import type { Resolve } from './outbound/outbound-target';
import { openPayments } from './payments';
import { openProviders, openUsageSources, type ProviderReplacements, providerIds } from './providers';
import { openReconciliations } from './reconciliations';
import type { Services } from './resolvers/services';
import { buildTranscriptions } from './transcriptions';
import { describe } from './transport/error-masking';
import { Metrics } from './transport/metrics';
import type { StripeEventReceiver } from './transport/stripe-webhook-route';
import { Upkeep } from './upkeep';
import { buildUsage } from './usage';
import { buildWebhooks } from './webhook-delivery';

/** What may be put in place of a part, for tests and benchmarks; never by a setting. */
export interface Replacements extends ProviderReplacements {
  readonly ledger?: (ledger: PostgresLedger) => Ledger;
  readonly windows?: RequestWindows;
  /** Finds the addresses of a host that audio is fetched from. */
  readonly resolve?: Resolve;
  /** Open sockets of one workspace at most. */
  readonly socketsOfAWorkspaceMax?: number;
  /** Events that a subscriber who reads too slowly may be behind. */
  readonly eventsBehindMax?: number;
}

/** Everything a server process is made of, built once. */
export interface Container {
  readonly core: Core;
  readonly services: Services;
  readonly authenticator: Authenticator;
  readonly windows: RequestWindows;
  readonly network: Network;
  readonly audio: AudioAccess;
  readonly uploads: UploadOperations;
  readonly exports: UsageExports;
  readonly live: LiveOperations;
  readonly metrics: Metrics;
  readonly keyHeaders: ReadonlyMap<string, string>;
  /** null: Stripe is not configured. */
  readonly stripeEvents: StripeEventReceiver | null;
  readonly ledger: PostgresLedger;
  /** Begins the work that goes on in the background: leases, the sweep, periods, retention. */
  startUpkeep(): void;
  stopUpkeep(): void;
  /** One round of what upkeep does every minute. */
  upkeep(): Promise<void>;
  close(): Promise<void>;
}

const UNTOLD_TRUST_MS = 2_000;
const DAY_MS = 86_400_000;

export async function buildContainer(
  settings: Settings,
  dependencies: {
    readonly log: Logger;
    readonly clock: Clock;
    readonly replacements?: Replacements;
    readonly publicUrl: () => string;
  },
): Promise<Container> {
  const { log, clock, replacements = {} } = dependencies;
  const processId = newId();
  const everyProvider = openProviders(settings, replacements);
  const core = await openCore(settings, { log, clock, processId });
  const { database, priceBook, accounts, workspaces, notices, bus } = core;
  const network = openNetwork(settings, { database, clock, log });
  const windows = replacements.windows ?? network.windows;
  const onError =
    (message: string) =>
    (error: unknown): void =>
      log.error({ err: describe(error) }, message);

  const keyRing = KeyRing.fromBase64(settings.encryptionKey.reveal());
  const { speech: providers } = everyProvider;
  const keyed = keyedProviders(everyProvider);
  const keyHeaders = new Map(
    [...keyed].flatMap(([id, { keyHeader }]) => (keyHeader === null ? [] : [[keyHeader.toLowerCase(), id] as const])),
  );
  const lastUse = new LastUse(database, clock, log);
  const authenticator = new Authenticator(
    { database, clock, notices, lastUse },
    // The command line can change a plan or a key beside us, and on the embedded engine no notice of it comes.
    database.listen || settings.redisUrl ? {} : { trustedForMs: UNTOLD_TRUST_MS },
  );
  const sealer = new CredentialSealer(keyRing);
  const storedKeys = new StoredKeys({
    database,
    clock,
    notices,
    sealer,
    lastUse: new LastUse(database, clock, log, 'provider_credentials'),
  });

  const usage = new UsageRepository(database);
  const usageFeed = new UsageFeed({ source: usage, clock, onError: onError('usage events could not be read') });
  const changes = new ChangeFeed();
  const balances = new Balances(database, (workspaceId) => accounts.roll(workspaceId));
  const budgets = new ClientTokenBudgets(database);
  const metrics = new Metrics();
  const health = new ProviderHealthWatch(clock);
  const router = new Router(clock, health);
  const live = new LiveOperations();
  const postgresLedger = new PostgresLedger({
    database,
    clock,
    owner: processId,
    roll: (workspaceId) => accounts.roll(workspaceId),
  });

  const alerting = await openAlerting(core, { clock, log });
  const announcer = new UsageAnnouncer(bus);
  const publish = (event: UsageEventRow): void => {
    usageFeed.settled(event);
    changes.expected(event.workspace_id);
    metrics.settled(event);
    announcer.settled(event.workspace_id, event.sequence);
    alerting.settled(event.workspace_id);
    for (const { credential, outcome, provider } of event.attempts) {
      if (credential === 'STORED_KEY' && outcome !== 'SKIPPED') storedKeys.noteUse(event.workspace_id, provider);
    }
  };
  const remote = new RemoteOperations({ bus, usage, live, processId });
  const listeners = new Listeners({ clock, bus, live });
  const stops = [
    // A process hears itself too; what it settled is in the feed already.
    bus.subscribe('usage', (message) => {
      const workspaceId = String(message.workspaceId);
      usageFeed.announced(workspaceId, BigInt(String(message.sequence)));
      changes.changed(workspaceId);
    }),
    bus.subscribe('balance', (message) => changes.changed(String(message.workspaceId))),
    bus.onConnectionChange((connected) => {
      if (!connected) return;
      usageFeed.missed();
      changes.changedEverywhere();
    }),
    () => remote.close(),
    () => listeners.close(),
  ];

  const store = new AudioStore(join(settings.dataDirectory, 'audio'), onError('audio could not be stored'));
  const urls = new AudioUrls(dependencies.publicUrl, keyRing.deriveKeys('audio-url'));
  const paces = new SpeechPaces(database, onError('paces of speech could not be stored'));
  const pricing = new SpeechPricing(priceBook, paces);
  const voices = new VoiceCatalogue(clock);
  const run = new RunMetered({
    ledger: replacements.ledger?.(postgresLedger) ?? postgresLedger,
    clock,
    live,
    publish,
    awaitSettled: (operationId, workspaceId) => remote.awaitSettled(operationId, workspaceId),
    usageOf: (operationId, workspaceId) => remote.usageOf(operationId, workspaceId),
  });
  const speechRouting = { providers, voices, storedKeys, now: () => clock.now() };
  const latencyOf = (modelId: string): number | null => health.latencyOf(modelId);
  const speech = new SpeechOperations({
    routing: speechRouting,
    starting: {
      pricing,
      run,
      streams: new SpeechStreams(clock, store, listeners),
      listeners,
      making: {
        clock,
        store,
        router,
        learnPace: (request, route, milliseconds) => pricing.learn(request, route, milliseconds),
        logFailure: (operationId, error) =>
          log.error({ operationId, err: describe(error) }, 'a speech could not be made'),
      },
      latencyOf,
    },
    estimates: new SpeechEstimates({ routing: speechRouting, pricing, latencyOf, balances, budgets }),
    live,
    usage,
    store,
    views: { urls, store, clock, retentionDays: settings.audioRetentionDays },
    cancelElsewhere: (operationId, workspaceId) => remote.cancel(operationId, workspaceId),
  });
  const chatPricing = new ChatPricing(priceBook);
  const chatPlanner = new ChatPlanner({
    routing: {
      providers: everyProvider.chat,
      storedKeys,
      defaultModel: (providerId) => chatPricing.defaultModel(providerId),
      now: () => clock.now(),
    },
    pricing: chatPricing,
    health,
  });
  const chatStore = new ChatStore(database);
  const chat = new ChatOperations({
    planner: chatPlanner,
    estimates: new ChatEstimates({ planner: chatPlanner, balances, budgets }),
    run,
    usage,
    store: chatStore,
    making: {
      clock,
      router,
      store: chatStore,
      logFailure: (operationId, error) =>
        log.error({ operationId, err: describe(error) }, 'a chat could not be carried out'),
    },
    streams: new ChatStreams(clock, listeners),
    listeners,
  });
  const transcriptions = buildTranscriptions({
    settings,
    log,
    clock,
    database,
    priceBook,
    keyRing,
    publicUrl: dependencies.publicUrl,
    providers: everyProvider.transcription,
    storedKeys,
    health,
    router,
    run,
    usage,
    balances,
    budgets,
    resolve: replacements.resolve,
  });
  const account = new AccountOperations({
    book: priceBook,
    accounts,
    balances,
    budgets,
    workspaces,
    keys: core.keys,
    windows,
  });
  const catalogue = new Catalogue({ book: priceBook, providers: everyProvider, health, storedKeys });
  const payments = openPayments(settings, core, { clock, log });
  const reconciliations = openReconciliations(openUsageSources(settings), providerIds(everyProvider), {
    database,
    clock,
  });
  const { publicUrl } = dependencies;
  const used = buildUsage({ database, clock, usage, balances, priceBook, windows, keyRing, publicUrl });
  const { resolve } = replacements;
  const webhooks = buildWebhooks({ settings, core, clock, log, processId, keyRing, usage, balances, resolve });
  for (const channel of ['usage', 'balance', 'alert'] as const) {
    stops.push(bus.subscribe(channel, ({ workspaceId }) => webhooks.dispatcher.wake(String(workspaceId))));
  }
  const services: Services = {
    speech,
    transcription: transcriptions.transcription,
    uploads: transcriptions.uploads,
    chat,
    balance: account,
    billing: new BillingOperations({
      book: priceBook,
      accounts,
      balances,
      subscriptions: core.subscriptions,
      invoices: new Invoices(database),
      gateway: payments?.gateway ?? null,
    }),
    payments: new PaymentOperations(payments?.checkout ?? null),
    ...used,
    live: new LiveFeeds({
      usage: usageFeed,
      changes,
      balances,
      account,
      clock,
      onError: onError('a balance could not be read'),
    }),
    catalogue,
    workspaces: account,
    keys: new KeyOperations(core.keys, new ClientTokenService(database, notices)),
    providerCredentials: new ProviderCredentialOperations(
      new ProviderCredentials({ database, notices, sealer, providers: keyed }),
      catalogue,
    ),
    endUserLimits: new EndUserLimitOperations(new EndUserLimits(database, balances)),
    voices: new VoiceOperations({ providers, allProviders: keyed, voices, storedKeys }),
    reconciliation: reconciliations.operations,
    alerts: alerting.operations,
    webhooks: webhooks.operations,
  };

  const upkeep = new Upkeep(
    {
      periods: async () => {
        while ((await accounts.rollDue()) >= 200);
      },
      eventMonths: () => openEventMonths(database),
      idempotencyKeys: () =>
        database.query(`DELETE FROM idempotency_keys WHERE created_at < ledger_now() - interval '25 hours'`),
      chats: () => chatStore.removeOld(),
      transcriptions: () => transcriptions.removeOld(),
      usageExports: () => used.usageExports.removeOld(),
      audio: () => store.removeOlderThan(clock.now() - settings.audioRetentionDays * DAY_MS),
      ...(payments && { payments: () => payments.upkeep() }),
      alerts: () => alerting.upkeep(),
      webhooks: () => webhooks.upkeep(),
    },
    clock,
    (task, error) => log.error({ task, err: describe(error) }, 'a part of the upkeep failed and is tried again'),
  );
  // Where no notification comes, what the command line does beside us is noticed by looking.
  const looking = database.listen || settings.redisUrl ? null : new AccountWatch(database, clock, changes);

  await paces.load();
  return {
    core,
    services,
    authenticator,
    windows,
    network,
    audio: new AudioAccess({ urls, store, live, usage, clock }),
    uploads: transcriptions.uploads,
    exports: used.usageExports,
    live,
    metrics,
    keyHeaders,
    stripeEvents: payments?.webhooks ?? null,
    ledger: postgresLedger,
    startUpkeep() {
      postgresLedger.leases.start((expired) => {
        for (const hold of expired) {
          usageFeed.announced(hold.workspaceId, hold.sequence);
          changes.changed(hold.workspaceId);
          bus.publish('usage', { workspaceId: hold.workspaceId, sequence: hold.sequence.toString() });
        }
      }, onError('leases could not be renewed or swept'));
      looking?.start(onError('accounts could not be looked at'));
      webhooks.dispatcher.start();
      upkeep.start();
    },
    upkeep: () => upkeep.run(),
    stopUpkeep() {
      looking?.stop();
      postgresLedger.leases.stop();
      upkeep.stop();
    },
    async close() {
      announcer.flush();
      for (const stop of stops) stop();
      await alerting.close();
      await webhooks.dispatcher.close();
      authenticator.close();
      await lastUse.stop();
      await storedKeys.close();
      await paces.flush();
      const { speech: speakers, transcription: transcribers, chat: chatters } = everyProvider;
      const open = [...speakers.values(), ...transcribers.values(), ...chatters.values()];
      await Promise.all(open.map((provider) => provider.close()));
      await reconciliations.close();
      await store.close();
      payments?.close();
      await network.close();
      await core.close();
    },
  };
}
