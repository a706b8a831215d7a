import 'reflect-metadata';
import { runTorture, type TortureReport } from '../test/support/torture/torture';
import { type BenchDatabase, EMBEDDED, openBenchDatabase } from './bench-database';
import { type Figure, percentile, shown } from './figures';
import { readTortureArguments, type TortureArguments } from './torture-arguments';

function openDatabase({ embedded, databaseUrl }: TortureArguments): Promise<BenchDatabase> {
  if (embedded) return Promise.resolve(EMBEDDED);
  return openBenchDatabase(databaseUrl || process.env.BENCH_DATABASE_URL || process.env.TEST_DATABASE_URL);
}

function figuresOf(report: TortureReport): Figure[] {
  return [
    { name: 'kills', value: report.kills, unit: 'kills' },
    { name: 'answers', value: report.answers, unit: 'calls' },
    { name: 'cut_off', value: report.lost, unit: 'calls' },
    { name: 'repeated', value: report.repeated, unit: 'calls' },
    { name: 'refused', value: report.refused, unit: 'calls' },
    { name: 'unknown', value: report.unknown, unit: 'events' },
    { name: 'audio_lost', value: report.silenced, unit: 'speeches' },
    { name: 'restart_ms_p50', value: percentile(report.restartsMs, 50), unit: 'ms' },
    { name: 'restart_ms_max', value: Math.max(...report.restartsMs), unit: 'ms' },
    { name: 'findings', value: report.findings.length, unit: 'findings' },
  ];
}

async function main(): Promise<void> {
  const options = readTortureArguments(process.argv.slice(2));
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const database = await openDatabase(options);
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    say(`on ${database.description}; ${options.kills} kills, seed ${options.seed}`);
    const report = await runTorture({
      kills: options.kills,
      seed: options.seed,
      databaseUrl: database.url,
      onProgress: say,
      signal: interruption.signal,
    });
    for (const finding of report.findings) say(`FINDING ${finding}`);
    const figures = figuresOf(report);
    if (options.json) {
      const { findings } = report;
      process.stdout.write(
        `${JSON.stringify({ database: database.description, seed: options.seed, figures, findings })}\n`,
      );
    } else {
      for (const { name, value, unit } of figures) process.stdout.write(`${name} ${shown(value)} ${unit}\n`);
    }
    process.exitCode = report.findings.length === 0 ? 0 : 1;
  } finally {
    await database.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 2;
});
