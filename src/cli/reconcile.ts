import type { Command } from 'commander';
import { systemClock } from '../lib/clock';
import type { ReconciliationOperations } from '../operations/account/reconciliation-operations';
import { type ComparedSpan, dateText, stepAfter } from '../reconciliation/calendar';
import type { Reconciliation, Resolution } from '../reconciliation/report';
import { hasDrift } from '../reconciliation/report';
import type { CommandLine } from './command-line';
import { EXIT } from './exit-codes';
import { UsageError } from './failures';
import { moment } from './option-values';
import { jsonOf, linesOf, merged } from './reconcile-output';

type Source = ReturnType<ReconciliationOperations['sourceOf']>;

const COMMAND = 'polyphony reconcile';
const DAY_MS = 86_400_000;
const DAYS_MAX = 366;

const HELP = `
Holds what was used with the platform's own key of PROVIDER, over all workspaces, against what the provider says it
counted: by UTC day and unit, and request by request where it lists them. Nothing is charged or given back.

An operation belongs to the day on which it settled, or on which the provider lists its request. The present day still
grows on both sides. The provider's account must serve nobody but this platform, or what others use shows as drift.

With --resolve, operations whose outcome was lost in a crash (UNKNOWN) are looked for in the provider's record. Those that
are found are done with: they stay UNKNOWN and cost nothing. It may be run again at any time.

The keys are <PROVIDER>_API_KEY, or <PROVIDER>_ADMIN_KEY where the provider opens its records to administrators alone.

Exit codes:
  0  no drift
  1  the answer is no: no such provider
  2  could not run: no key, the provider out of reach
  3  drift

Examples:
  polyphony reconcile elevenlabs --from 2025-05-01 --to 2025-06-01
  polyphony reconcile openai --from 2025-05-01 --to 2025-06-01 --resolve --json`;

interface Options {
  readonly from: Date;
  readonly to: Date;
  readonly resolve?: boolean;
  readonly json?: boolean;
}

/** polyphony reconcile */
export function addReconcile(program: Command, line: CommandLine): void {
  program
    .command('reconcile')
    .description('hold our records of a provider against its own count')
    .argument('<provider>', 'id of the provider')
    .requiredOption('--from <date>', 'the first UTC day', moment)
    .requiredOption('--to <date>', 'the UTC day after the last', moment)
    .option('--resolve', 'find lost operations (UNKNOWN) in the record of the provider')
    .option(
      '--json',
      'answer in JSON: provider, start, end, countedAt, drift, rows, notCompared, unresolved, requests, resolved, open',
    )
    .addHelpText('after', HELP)
    .action((provider: string, options: Options) => reconcile(line, provider, options));
}

async function reconcile(line: CommandLine, provider: string, options: Options): Promise<void> {
  const { from, to, resolve = false } = options;
  if (from >= to) throw new UsageError('--from must lie before --to.', COMMAND);
  if (to.getTime() - from.getTime() > DAYS_MAX * DAY_MS) {
    throw new UsageError(`The span is longer than ${DAYS_MAX} days; ask for a shorter one.`, COMMAND);
  }
  const settings = line.settings();
  const controller = new AbortController();
  const stopListening = line.surroundings.onEndSignal(() => controller.abort());
  try {
    // Loaded when the command runs: it brings every adapter.
    const { openUsageSources, knownProviders } = require('../providers') as typeof import('../providers');
    const { openReconciliations } = require('../reconciliations') as typeof import('../reconciliations');
    const answer = await line.withCore(async ({ database }) => {
      const opened = openReconciliations(openUsageSources(settings), knownProviders(settings), {
        database,
        clock: systemClock,
      });
      try {
        const source = opened.operations.sourceOf(provider);
        const span = opened.operations.spanOf(source, from, to);
        return await everyMonth(line, opened.operations, source, span, resolve, controller.signal);
      } finally {
        await opened.close();
      }
    });
    if (hasDrift(answer.report)) line.exitCode = EXIT.drift;
    line.answer(options, jsonOf(answer), linesOf(answer));
  } finally {
    stopListening();
  }
}

/** A month at a time: what is kept in memory, and asked of the provider at once, does not grow with the span. */
async function everyMonth(
  line: CommandLine,
  operations: ReconciliationOperations,
  source: Source,
  span: ComparedSpan,
  resolve: boolean,
  signal: AbortSignal,
): Promise<{ readonly report: Reconciliation; readonly resolution: Resolution | null }> {
  const parts: { readonly report: Reconciliation; readonly resolution: Resolution | null }[] = [];
  for (const part of monthsOf(span)) {
    const onProgress = (step: string): void =>
      line.surroundings.writeError(`${dateText(part.start.getTime()).slice(0, 7)}: ${step}\n`);
    parts.push(await operations.run(source, part, resolve, { signal, onProgress }));
  }
  return merged(parts);
}

function monthsOf(span: ComparedSpan): ComparedSpan[] {
  const months: ComparedSpan[] = [];
  for (let at = span.start.getTime(); at < span.end.getTime(); ) {
    const next = Math.min(stepAfter(at, 'MONTH'), span.end.getTime());
    const dates = span.dates.filter((date) => Date.parse(date) >= at && Date.parse(date) < next);
    months.push({ step: span.step, start: new Date(at), end: new Date(next), dates });
    at = next;
  }
  return months;
}
