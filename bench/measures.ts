import { setTimeout as pause } from 'node:timers/promises';
import type { GraphqlClient } from '../test/support/graphql-client';
import { median, percentile } from './figures';
import type { FirstChunkOrder, HeardStream } from './first-chunks';
import type { LoadOrder, LoadReport } from './load';
import type { StreamPace } from './stub';
import type { ListenOrder, PushReport } from './subscribers';
import { type BenchSurroundings, createWorkspace } from './surroundings';

const TEXT = 'The quick brown fox jumps over the lazy dog.';
const SPEAK = `mutation Speak($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { speech { id audio { url } } usage { credits remainingBalance } }
}`;
const DONE = '"synthesizeSpeech":{"speech":{"id":"';

const WARM_UP_MS = 8_000;
const FIRST_BYTE_SAMPLES = 60;
const FIRST_BYTE_WARM_UP = 10;
const WORKSPACES = 50;
const EVENTS_PER_SECOND = 50;
/** How long the subscribers of a benchmark may take to begin, and the last events to arrive. */
const PATIENCE_MS = 30_000;

export type Target = 'stub' | 'unmetered' | 'metered';

/** Sends the one request of the benchmark to one of the servers. */
export function load(
  { load: generator, stubUrl, metered, unmetered, key }: BenchSurroundings,
  target: Target,
  callers: number,
  milliseconds: number,
): Promise<LoadReport> {
  const order: Omit<LoadOrder, 'callers' | 'milliseconds'> =
    target === 'stub'
      ? {
          // What the adapter sends, as near as matters to a stub that reads nothing of it.
          origin: stubUrl,
          path: '/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM?output_format=mp3_44100_128',
          headers: { 'xi-api-key': 'stub' },
          body: JSON.stringify({ text: TEXT, model_id: 'eleven_multilingual_v2' }),
          expect: '',
        }
      : {
          origin: target === 'metered' ? metered.url : unmetered.url,
          path: '/graphql',
          headers: { authorization: `Bearer ${key}` },
          body: JSON.stringify({ query: SPEAK, variables: { input: { text: TEXT, provider: 'elevenlabs' } } }),
          expect: DONE,
        };
  return generator.ask<LoadReport>('run', { ...order, callers, milliseconds } satisfies LoadOrder);
}

/** Caches fill, connections are opened, code is compiled: at full load V8 is busy with that for about 8 s. */
export async function warmUp(surroundings: BenchSurroundings, callers: number): Promise<void> {
  for (const target of ['stub', 'unmetered', 'metered'] as const) await load(surroundings, target, callers, WARM_UP_MS);
}

export interface Throughput {
  readonly stub: number;
  readonly unmetered: number;
  readonly metered: number;
}

/** Machines are noisy, so rounds take turns, and the median of each counts. */
export async function throughput(
  surroundings: BenchSurroundings,
  callers: number,
  milliseconds: number,
  rounds: number,
  say: (text: string) => void,
): Promise<Throughput> {
  const seen = { stub: [] as number[], unmetered: [] as number[], metered: [] as number[] };
  for (let round = 1; round <= rounds; round++) {
    for (const target of ['stub', 'unmetered', 'metered'] as const) {
      const report = await load(surroundings, target, callers, milliseconds);
      seen[target].push(report.perSecond);
      say(
        `round ${round}: ${target} ${report.perSecond.toFixed(0)}/s, p50 ${report.p50.toFixed(2)} ms, p99 ${report.p99.toFixed(2)} ms`,
      );
    }
  }
  return { stub: median(seen.stub), unmetered: median(seen.unmetered), metered: median(seen.metered) };
}

/** What the server takes longer than the stub itself, at the same percentile, for one caller alone. */
export async function added(
  surroundings: BenchSurroundings,
  milliseconds: number,
  rounds: number,
): Promise<{ readonly p50: number; readonly p99: number }> {
  const p50: number[] = [];
  const p99: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const direct = await load(surroundings, 'stub', 1, milliseconds);
    const through = await load(surroundings, 'metered', 1, milliseconds);
    p50.push(through.p50 - direct.p50);
    p99.push(through.p99 - direct.p99);
  }
  return { p50: median(p50), p99: median(p99) };
}

/** From the moment at which the stub sends its first chunk to the caller's first byte of audio, in milliseconds. */
export async function firstByteAdded(surroundings: BenchSurroundings, way: FirstChunkOrder['way']): Promise<number> {
  const added: number[] = [];
  for (let sample = 0; sample < FIRST_BYTE_WARM_UP + FIRST_BYTE_SAMPLES; sample++) {
    const [delay] = await listenAtOnce(surroundings, way, [TEXT]);
    if (sample >= FIRST_BYTE_WARM_UP) added.push(delay!);
  }
  return median(added);
}

/** The same for many streams at once, half of them over each way; every one must hold all that the stub sent. */
export async function manyStreams(
  surroundings: BenchSurroundings,
  streams: number,
  rounds: number,
): Promise<{ readonly p50: number; readonly p99: number }> {
  const added: number[] = [];
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    // Every listener is there before the first of them speaks, and all of them speak at the same time in the end.
    await surroundings.stub.ask('setPace', {
      holdMs: 3_000,
      stepMs: 2_000 / streams,
      gapMs: 1_000,
    } satisfies StreamPace);
    const texts = (way: string): string[] =>
      Array.from({ length: Math.ceil(streams / 2) }, (_, n) => `Stream ${n} of ${way}, round ${round}.`);
    const delays = await Promise.all([
      listenAtOnce(surroundings, 'audio-url', texts('addresses')),
      listenAtOnce(surroundings, 'subscription', texts('subscriptions')),
    ]);
    if (round > 0) added.push(...delays.flat());
  }
  return { p50: percentile(added, 50), p99: percentile(added, 99) };
}

const sentAt = new Map<string, bigint>();

async function listenAtOnce(
  { load: generator, stub, metered, key }: BenchSurroundings,
  way: FirstChunkOrder['way'],
  texts: readonly string[],
): Promise<number[]> {
  const order: FirstChunkOrder = { origin: metered.url, key, texts, way };
  const heard = await generator.ask<HeardStream[]>('timeFirstChunks', order);
  const sent = await stub.ask<Record<string, string>>('firstChunksSentAt');
  for (const text in sent) sentAt.set(text, BigInt(sent[text]!));
  const whole = await stub.ask<string>('stream');
  return heard.map(({ text, arrivedAt, audio }) => {
    if (audio !== whole) throw new Error(`the bytes of "${text}" are not those that were sent`);
    return Number(BigInt(arrivedAt) - sentAt.get(text)!) / 1e6;
  });
}

/** Settled events reach every subscriber of their workspace. */
export async function push(
  { subscribers, metered, admin }: BenchSurroundings,
  count: number,
  milliseconds: number,
): Promise<PushReport> {
  const keys: string[] = [];
  for (let n = 0; n < WORKSPACES; n++) keys.push(await createWorkspace(admin));
  const order: ListenOrder = { origin: metered.url, keys, subscribersOfEach: Math.ceil(count / WORKSPACES) };
  const listening = await subscribers.ask<number>('listen', order);
  // Nothing tells that a subscription has begun but its first event.
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    for (const key of keys) await speak(admin.as(key));
    const awake = await subscribers.ask<number>('awake');
    if (awake === listening) break;
    if (Date.now() > deadline) throw new Error(`only ${awake} of ${listening} subscribers heard anything`);
  }
  await subscribers.ask('begin');
  const events = await everySoOften(1_000 / EVENTS_PER_SECOND, milliseconds, (n) =>
    speak(admin.as(keys[n % WORKSPACES]!)),
  );
  const expected = events * order.subscribersOfEach;
  for (;;) {
    const report = await subscribers.ask<PushReport>('report');
    if (report.received >= expected) {
      await subscribers.ask('close');
      return report;
    }
    if (Date.now() > deadline + milliseconds) throw new Error(`${report.received} of ${expected} events were pushed`);
    await pause(100);
  }
}

async function speak(client: GraphqlClient): Promise<void> {
  await client.data(SPEAK, { input: { text: TEXT, provider: 'elevenlabs' } });
}

/** Starts something at even times, whatever became of the ones before; answers how many there were. */
async function everySoOften(everyMs: number, forMs: number, task: (n: number) => Promise<void>): Promise<number> {
  const running: Promise<void>[] = [];
  const began = performance.now();
  for (let n = 0; n * everyMs < forMs; n++) {
    const wait = began + n * everyMs - performance.now();
    if (wait > 0) await pause(wait);
    running.push(task(n));
  }
  await Promise.all(running);
  return running.length;
}
