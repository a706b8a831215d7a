import { ProviderError } from '../../../providers/contract/errors';
import type { UsageSource } from '../../../providers/contract/usage';
import type { ReconciliationReport } from '../../../schema/types/reconciliation';
import type { PrincipalContext } from '../../identity/caller';
import type { Clock } from '../../lib/clock';
import { AppError, badInput } from '../../lib/errors';
import type { ComparedSpan } from '../../reconciliation/calendar';
import { formatQuantity } from '../../reconciliation/quantity';
import type { ReconcileOptions, Reconciler } from '../../reconciliation/reconciler';
import type { Reconciliation, Resolution } from '../../reconciliation/report';
import { providerFailure } from '../provider-failure';

const DAY_MS = 86_400_000;
const DAYS_MAX = 31;
/** For one query, in milliseconds: a list of requests may have many pages. */
const PATIENCE_MS = 120_000;

export interface ReconciliationDependencies {
  readonly clock: Clock;
  readonly reconciler: Reconciler;
  readonly sources: ReadonlyMap<string, UsageSource>;
  /** Ids of all providers, those that tell nothing of what they counted included. */
  readonly providers: ReadonlySet<string>;
}

/** The platform's records against its providers' own, for the operator. */
export class ReconciliationOperations {
  constructor(private readonly dependencies: ReconciliationDependencies) {}

  /** @throws AppError */
  async report(_context: PrincipalContext, provider: string, start: Date, end: Date): Promise<ReconciliationReport> {
    if (end <= start) throw badInput('end', 'end must come after start.');
    if (end.getTime() - start.getTime() > DAYS_MAX * DAY_MS) {
      throw badInput('end', `The span is longer than ${DAYS_MAX} days; ask for a shorter one.`);
    }
    const source = this.sourceOf(provider);
    const span = this.spanOf(source, start, end);
    const controller = new AbortController();
    const stop = this.dependencies.clock.schedule(() => controller.abort(), PATIENCE_MS);
    try {
      const signal = controller.signal;
      return viewOf(await failing(source, () => this.dependencies.reconciler.report(source, span, { signal })));
    } finally {
      stop();
    }
  }

  /** For the command line: with a fresh count, and, where `resolve`, lost operations found in it. @throws AppError */
  run(
    source: UsageSource,
    span: ComparedSpan,
    resolve: boolean,
    options: ReconcileOptions,
  ): Promise<{ readonly report: Reconciliation; readonly resolution: Resolution | null }> {
    return failing(source, () => this.dependencies.reconciler.run(source, span, resolve, options));
  }

  /** @throws AppError NOT_FOUND, UNSUPPORTED or PROVIDER_NOT_CONFIGURED */
  sourceOf(provider: string): UsageSource {
    const { sources, providers } = this.dependencies;
    const source = sources.get(provider);
    if (source?.configured) return source;
    if (source) {
      const { name, adminKey } = source.declaration;
      const variable = provider.toUpperCase().replaceAll('-', '_');
      const settings =
        adminKey === 'REQUIRED' ? `${variable}_ADMIN_KEY` : `${variable}_API_KEY or ${variable}_ADMIN_KEY`;
      throw new AppError('PROVIDER_NOT_CONFIGURED', `To ask ${name} for its count, set ${settings} on the server.`, {
        provider,
      });
    }
    const supported = [...sources.keys()];
    if (!providers.has(provider)) {
      throw new AppError(
        'NOT_FOUND',
        `There is no such provider. These tell what they counted: ${supported.join(', ')}.`,
      );
    }
    throw new AppError('UNSUPPORTED', `${provider} does not tell what it counted. These do: ${supported.join(', ')}.`, {
      field: 'provider',
      supported,
    });
  }

  /** The whole days, or months, that a span touches. @throws AppError BAD_USER_INPUT where it lies in the future */
  spanOf(source: UsageSource, start: Date, end: Date): ComparedSpan {
    const span = this.dependencies.reconciler.spanOf(source, start, end);
    if (span === null) throw badInput('start', 'start lies in the future, of which nobody has counted anything.');
    return span;
  }
}

async function failing<T>({ declaration: { name } }: UsageSource, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    if (error.kind !== 'CANCELLED') throw providerFailure(error, []);
    throw new AppError(
      'PROVIDER_TIMEOUT',
      `${name} did not tell its count in time; ask for a shorter span.`,
      { provider: error.provider, retryable: true, attempts: [] },
      error,
    );
  }
}

const viewOf = ({ provider, start, end, rows, unresolved, countedAt }: Reconciliation): ReconciliationReport => ({
  provider,
  start,
  end,
  rows: rows.map(({ date, unit, ours, theirs, drift }) => ({
    date,
    unit,
    ours: formatQuantity(ours),
    theirs: formatQuantity(theirs),
    drift: formatQuantity(drift),
  })),
  unresolved,
  countedAt,
});
