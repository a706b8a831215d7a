import { performance } from 'node:perf_hooks';
import { GraphqlSocket, type SocketSubscription } from '../test/support/graphql-socket';
import { percentile } from './figures';
import { answerCommands } from './helper-process';

export interface ListenOrder {
  readonly origin: string;
  /** One key for each workspace. */
  readonly keys: readonly string[];
  readonly subscribersOfEach: number;
}

export interface PushReport {
  readonly subscribers: number;
  readonly received: number;
  /** Milliseconds from settlement to here. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Sockets that are opened at once. */
const OPENING = 50;

type Update = { usageUpdated: { usage: { id: string; settledAt: string } } };
const QUERY = 'subscription { usageUpdated { cursor usage { id credits settledAt } } }';

const sockets: GraphqlSocket[] = [];
/** Events that each subscriber has seen. */
let seen: Set<string>[] = [];
let delays: number[] = [];
let failure: Error | null = null;

async function listen({ origin, keys, subscribersOfEach }: ListenOrder): Promise<number> {
  const waiting = keys.flatMap((key) => Array.from({ length: subscribersOfEach }, () => key));
  seen = waiting.map(() => new Set());
  let place = 0;
  const open = async (): Promise<void> => {
    for (let mine = place++; mine < waiting.length; mine = place++) {
      const socket = await GraphqlSocket.open(origin, { authorization: `Bearer ${waiting[mine]}` });
      sockets.push(socket);
      follow(socket.subscribe<Update>(QUERY), seen[mine]!).catch((error: Error) => {
        failure ??= error;
      });
    }
  };
  await Promise.all(Array.from({ length: OPENING }, open));
  return sockets.length;
}

async function follow(subscription: SocketSubscription<Update>, events: Set<string>): Promise<void> {
  for (;;) {
    const event = await subscription.event();
    const now = performance.timeOrigin + performance.now();
    if (event.type === 'closed') return;
    if (event.type !== 'next' || !event.payload.data)
      throw new Error(`a subscription was told: ${JSON.stringify(event)}`);
    const { usage } = event.payload.data.usageUpdated;
    if (events.has(usage.id)) throw new Error(`the event ${usage.id} came twice`);
    events.add(usage.id);
    delays.push(now - Date.parse(usage.settledAt));
  }
}

answerCommands({
  listen,
  /** How many subscribers have heard of any event so far. */
  awake: () => seen.filter((events) => events.size > 0).length,
  /** Forgets what came so far. */
  begin() {
    for (const events of seen) events.clear();
    delays = [];
  },
  report(): PushReport {
    if (failure) throw failure;
    return {
      subscribers: seen.length,
      received: delays.length,
      p50: percentile(delays, 50),
      p99: percentile(delays, 99),
      max: percentile(delays, 100),
    };
  },
  async close() {
    await Promise.all(sockets.map((socket) => socket.drop()));
  },
});
