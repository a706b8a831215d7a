import type { Redis } from 'ioredis';
import { createRedisClient } from '../db/redis-client';
import type { Clock } from '../lib/clock';
import { withDeadline } from '../lib/deadline';
import type { EventBus } from './event-bus';
import { type BusTransport, NetworkedBus, type NetworkedBusOptions } from './networked-bus';

/** Publish and subscribe crosses Redis's numbered databases; one of ours per number, so that two can share a server. */
const channelOf = (client: Redis): string => `polyphony:events:${client.options.db ?? 0}`;
/** No limit of Redis's: keeps one message from holding up a subscriber. */
const PAYLOAD_BYTES_MOST = 64 * 1024;
/** A connection that died without a word is noticed within this and ANSWER_MS. */
const HEARTBEAT_MS = 15_000;
const ANSWER_MS = 5_000;

/**
 * The bus over Redis or Valkey publish and subscribe. Publishing and receiving have a connection each, as one that
 * has subscribed can send nothing else.
 */
export function openRedisBus(url: string, options: NetworkedBusOptions): Promise<EventBus> {
  const { log, processId, clock } = options;
  const onFault = (reason: string) => log.warn({ reason }, 'a connection of the bus to Redis failed');
  const publisher = createRedisClient(url, `polyphony-publish-${processId}`, onFault);
  const subscriber = createRedisClient(url, `polyphony-subscribe-${processId}`, onFault);
  return NetworkedBus.open(new RedisTransport(publisher, subscriber, clock), options);
}

class RedisTransport implements BusTransport {
  readonly payloadBytesMost = PAYLOAD_BYTES_MOST;
  private cancelHeartbeat: () => void = () => {};

  constructor(
    private readonly publisher: Redis,
    private readonly subscriber: Redis,
    private readonly clock: Clock,
  ) {}

  async start(onPayload: (payload: string) => void, onState: (up: boolean) => void): Promise<void> {
    const { publisher, subscriber } = this;
    subscriber.on('message', (_channel: string, payload: string) => onPayload(payload));
    const firstAttempt = new Promise<void>((resolve) => {
      subscriber.on('ready', () => {
        subscriber.subscribe(channelOf(subscriber)).then(
          () => {
            onState(true);
            this.watch();
            resolve();
          },
          // Without the subscription the connection is of no use: the next one tries again.
          () => this.reconnect(),
        );
      });
      subscriber.on('close', () => {
        this.cancelHeartbeat();
        onState(false);
        resolve();
      });
    });
    // Both reject when the first attempt fails, and go on trying.
    await Promise.all([publisher.connect().catch(() => {}), subscriber.connect().catch(() => {}), firstAttempt]);
  }

  async send(payload: string): Promise<void> {
    await this.publisher.publish(channelOf(this.publisher), payload);
  }

  async stop(): Promise<void> {
    this.cancelHeartbeat();
    this.subscriber.disconnect();
    this.publisher.disconnect();
  }

  private watch(): void {
    this.cancelHeartbeat = this.clock.schedule(() => {
      withDeadline(this.subscriber.ping(), ANSWER_MS, this.clock, 'The heartbeat').then(
        () => this.watch(),
        () => this.reconnect(),
      );
    }, HEARTBEAT_MS);
  }

  private reconnect(): void {
    if (this.subscriber.status === 'ready') this.subscriber.disconnect(true);
  }
}
