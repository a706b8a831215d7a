import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Balances } from './billing/balances';
import type { ClientTokenBudgets } from './billing/client-token-budgets';
import type { Settings } from './config';
import type { Database } from './db/database';
import type { Clock } from './lib/clock';
import type { KeyRing } from './lib/keys';
import { SignedAddresses } from './lib/signed-addresses';
import type { PriceBook } from './metering/price-book';
import type { StoredKeys } from './operations/routing/credentials';
import type { ProviderHealthWatch } from './operations/routing/provider-health';
import type { Router } from './operations/routing/router';
import type { RunMetered } from './operations/run-metered';
import { TranscriptionEstimates } from './operations/transcription/transcription-estimates';
import { TranscriptionOperations } from './operations/transcription/transcription-operations';
import { TranscriptionPlanner } from './operations/transcription/transcription-plan';
import { TranscriptionPricing } from './operations/transcription/transcription-pricing';
import type { TranscriptionProviders } from './operations/transcription/transcription-route';
import { TranscriptionStore } from './operations/transcription/transcription-store';
import { UploadOperations } from './operations/upload-operations';
import type { UsageRepository } from './operations/usage-repository';
import { type Resolve, resolveByDns } from './outbound/outbound-target';
import { RecordingFiles } from './recordings/recording-files';
import { Recordings } from './recordings/recordings';
import { UploadRecords } from './recordings/upload-records';
import { Uploads } from './recordings/uploads';
import { describe } from './transport/error-masking';

/** Longer than any operation holds a recording: what is older was left behind by a process that died. */
const LEFT_BEHIND_MS = 2 * 3_600_000;

export interface TranscriptionParts {
  readonly settings: Settings;
  readonly log: Logger;
  readonly clock: Clock;
  readonly database: Database;
  readonly priceBook: PriceBook;
  readonly keyRing: KeyRing;
  readonly publicUrl: () => string;
  readonly providers: TranscriptionProviders;
  readonly storedKeys: StoredKeys;
  readonly health: ProviderHealthWatch;
  readonly router: Router;
  readonly run: RunMetered;
  readonly usage: UsageRepository;
  readonly balances: Balances;
  readonly budgets: ClientTokenBudgets;
  /** In place of DNS, for tests. */
  readonly resolve?: Resolve;
}

export interface Transcriptions {
  readonly transcription: TranscriptionOperations;
  readonly uploads: UploadOperations;
  /** Removes texts, uploads and recordings whose time is over. */
  readonly removeOld: () => Promise<void>;
}

/** What writes audio down, from the address or upload it comes from to the text that is kept. */
export function buildTranscriptions(parts: TranscriptionParts): Transcriptions {
  const { settings, log, clock, database, router, usage, balances, budgets } = parts;
  const spool = new RecordingFiles(join(settings.dataDirectory, 'recordings'), clock);
  const uploadRecords = new UploadRecords(database);
  const uploads = new Uploads({
    clock,
    records: uploadRecords,
    urls: new SignedAddresses(parts.publicUrl, 'uploads', parts.keyRing.deriveKeys('upload-url')),
    files: new RecordingFiles(join(settings.dataDirectory, 'uploads'), clock),
  });
  const recordings = new Recordings({
    clock,
    files: spool,
    resolve: parts.resolve ?? resolveByDns,
    allowed: settings.outboundAllow,
    uploads,
    uploadRecords,
  });
  const pricing = new TranscriptionPricing(parts.priceBook);
  const planner = new TranscriptionPlanner({
    routing: {
      providers: parts.providers,
      storedKeys: parts.storedKeys,
      defaultModel: (providerId) => pricing.defaultModel(providerId),
      now: () => clock.now(),
    },
    pricing,
    health: parts.health,
  });
  const store = new TranscriptionStore(database);
  const transcription = new TranscriptionOperations({
    planner,
    estimates: new TranscriptionEstimates({ planner, recordings, balances, budgets }),
    recordings,
    uploads,
    run: parts.run,
    usage,
    store,
    making: {
      clock,
      router,
      store,
      logFailure: (operationId, error) =>
        log.error({ operationId, err: describe(error) }, 'a transcription could not be carried out'),
      logAnomaly: (anomaly) =>
        log.warn(
          anomaly,
          'a provider counted another length of audio than was measured here; nothing is charged for it',
        ),
    },
    clock,
  });
  return {
    transcription,
    uploads: new UploadOperations(uploads),
    async removeOld() {
      await store.removeOlderThan(settings.audioRetentionDays);
      await uploads.removeOld();
      await spool.removeOlderThan(clock.now() - LEFT_BEHIND_MS);
    },
  };
}
