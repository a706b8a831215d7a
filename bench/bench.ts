import { readArguments } from './arguments';
import { EMBEDDED, openBenchDatabase } from './bench-database';
import { type Figure, shown } from './figures';
import { added, firstByteAdded, manyStreams, push, throughput, warmUp } from './measures';
import { runSockets } from './sockets';
import { type BenchSurroundings, openSurroundings } from './surroundings';
import { runUsage } from './usage';

async function measure(
  surroundings: BenchSurroundings,
  options: ReturnType<typeof readArguments>,
  say: (text: string) => void,
): Promise<Figure[]> {
  const milliseconds = options.seconds * 1_000;
  say(`on ${surroundings.database}; ${options.callers} callers, ${options.rounds} rounds of ${options.seconds} s`);
  await warmUp(surroundings, options.callers);
  const rates = await throughput(surroundings, options.callers, milliseconds, options.rounds, say);
  // It has done its part, and the rest is about one server alone.
  await surroundings.unmetered.stop();
  const latency = await added(surroundings, milliseconds / 2, options.rounds);
  say(`one caller: ${shown(latency.p50)} ms added at p50, ${shown(latency.p99)} ms at p99`);
  const audioUrl = await firstByteAdded(surroundings, 'audio-url');
  const subscription = await firstByteAdded(surroundings, 'subscription');
  say(`first byte: ${shown(audioUrl)} ms over the audio URL, ${shown(subscription)} ms over speechStream`);
  const many = await manyStreams(surroundings, options.streams, options.rounds);
  say(
    `${options.streams} streams at once: first byte after ${shown(many.p50)} ms at p50, ${shown(many.p99)} ms at p99`,
  );
  const pushed = await push(surroundings, options.subscribers, milliseconds);
  say(
    `${pushed.subscribers} subscribers got ${pushed.received} events: p50 ${shown(pushed.p50)}, max ${shown(pushed.max)} ms`,
  );
  return [
    { name: 'stub_rps', value: rates.stub, unit: 'requests/s' },
    { name: 'unmetered_rps', value: rates.unmetered, unit: 'requests/s' },
    { name: 'metered_rps', value: rates.metered, unit: 'requests/s' },
    { name: 'metered_share_of_unmetered', value: (100 * rates.metered) / rates.unmetered, unit: '%' },
    { name: 'metered_share_of_stub', value: (100 * rates.metered) / rates.stub, unit: '%' },
    { name: 'added_ms_p50', value: latency.p50, unit: 'ms' },
    { name: 'added_ms_p99', value: latency.p99, unit: 'ms' },
    // The slower of the two ways to listen.
    { name: 'first_byte_added_ms_p50', value: Math.max(audioUrl, subscription), unit: 'ms' },
    { name: 'first_byte_added_ms_p50_audio_url', value: audioUrl, unit: 'ms' },
    { name: 'first_byte_added_ms_p50_speech_stream', value: subscription, unit: 'ms' },
    { name: 'many_streams_first_byte_added_ms_p50', value: many.p50, unit: 'ms' },
    { name: 'many_streams_first_byte_added_ms_p99', value: many.p99, unit: 'ms' },
    { name: 'push_ms_p50', value: pushed.p50, unit: 'ms' },
    { name: 'push_ms_p99', value: pushed.p99, unit: 'ms' },
  ];
}

/** What measures something else than one server's requests, by its name on the command line. */
const SUBCOMMANDS: Readonly<Record<string, (argv: readonly string[]) => Promise<void>>> = {
  sockets: runSockets,
  usage: runUsage,
};

async function main(): Promise<void> {
  const [name = '', ...rest] = process.argv.slice(2);
  const subcommand = SUBCOMMANDS[name];
  if (subcommand) return subcommand(rest);
  const options = readArguments(process.argv.slice(2));
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const url = process.env.BENCH_DATABASE_URL || process.env.TEST_DATABASE_URL;
  const surroundings = await openSurroundings(
    async () => (options.embedded ? EMBEDDED : openBenchDatabase(url)),
    options.profileDirectory,
  );
  const interrupted = (): void => void surroundings.close().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const figures = await measure(surroundings, options, say);
    if (options.json) process.stdout.write(`${JSON.stringify({ database: surroundings.database, figures })}\n`);
    else for (const { name, value, unit } of figures) process.stdout.write(`${name} ${shown(value)} ${unit}\n`);
  } finally {
    await surroundings.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
