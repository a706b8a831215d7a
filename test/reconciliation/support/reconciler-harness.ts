import type { UsageSource } from '../../../providers/contract/usage';
import { createUsageSources } from '../../../providers/registry';
import { formatQuantity } from '../../../src/reconciliation/quantity';
import { Reconciler } from '../../../src/reconciliation/reconciler';
import type { Reconciliation, Resolution } from '../../../src/reconciliation/report';
import { openTestDatabase, type TestDatabase } from '../../support/database';
import { type ProviderStub, startProviderStub } from '../../support/provider-stub';
import { TestClock } from '../../support/test-clock';
import { RecordedUsage } from './recorded-usage';

/** Days before it are long enough back that every provider has closed them. */
export const NOW = Date.parse('2025-06-10T12:00:00Z');
/** A model that is billed by half credits. */
export const FLASH = { model: 'elevenlabs/eleven_flash_v2_5' };
/** A moment of May 2025, `01T10:00:00`. */
export const at = (text: string): number => Date.parse(`2025-05-${text}Z`);

const IDS = ['openai', 'anthropic', 'elevenlabs', 'deepgram', 'cartesia', 'mistral', 'resemble-ai'];
const ADMIN_KEYS: Readonly<Record<string, string>> = {
  openai: 'sk-admin-1',
  anthropic: 'sk-ant-admin1',
  cartesia: 'sk_car_admin_1',
};

/** Our records in a database, a stand-in for every provider, and a clock that stands still. */
export class ReconcilerHarness {
  readonly clock = new TestClock(NOW);
  readonly usage: RecordedUsage;
  readonly reconciler: Reconciler;
  stub!: ProviderStub;
  private sources = new Map<string, UsageSource>();

  private constructor(readonly data: TestDatabase) {
    this.usage = new RecordedUsage(data.database);
    this.reconciler = new Reconciler(data.database, this.clock);
  }

  static async open(): Promise<ReconcilerHarness> {
    return new ReconcilerHarness(await openTestDatabase());
  }

  /** No usage on either side. */
  async begin(): Promise<void> {
    await this.data.database.query(
      'WITH a AS (DELETE FROM usage_events), b AS (DELETE FROM provider_usage_days) DELETE FROM reconciled_events',
    );
    this.stub = await startProviderStub();
    this.sources = createUsageSources(
      Object.fromEntries(IDS.map((id) => [id, { baseUrl: this.stub.url, adminKey: ADMIN_KEYS[id] ?? 'admin-key' }])),
    );
  }

  async end(): Promise<void> {
    await Promise.all([...this.sources.values()].map((source) => source.close()));
    await this.stub.close();
  }

  /** Whole UTC days, the last not included. */
  async compare(provider: string, from: string, to: string): Promise<Reconciliation> {
    const source = this.sources.get(provider)!;
    return this.reconciler.report(source, this.spanOf(source, from, to), { signal });
  }

  async resolve(
    provider: string,
    from: string,
    to: string,
    reconciler = this.reconciler,
  ): Promise<{ readonly report: Reconciliation; readonly resolution: Resolution }> {
    const source = this.sources.get(provider)!;
    const { report, resolution } = await reconciler.run(source, this.spanOf(source, from, to), true, { signal });
    return { report, resolution: resolution! };
  }

  /** ElevenLabs lists a request of the flash model. */
  history(requestId: string, when: number, text: string, billed: number): void {
    this.stub.usage.elevenLabs.push({ requestId, at: when, model: 'eleven_flash_v2_5', text, billed });
  }

  private spanOf(source: UsageSource, from: string, to: string) {
    return this.reconciler.spanOf(source, new Date(`${from}T00:00:00Z`), new Date(`${to}T00:00:00Z`))!;
  }
}

const signal = new AbortController().signal;

export const rowsOf = ({ rows }: Reconciliation): string[][] =>
  rows.map(({ date, unit, ours, theirs, drift }) => [date, unit, ...[ours, theirs, drift].map(formatQuantity)]);
