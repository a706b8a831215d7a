import { get, request } from 'node:http';
import { GraphqlSocket } from '../test/support/graphql-socket';

/** One speech that was listened to. */
export interface HeardStream {
  readonly text: string;
  /** Arrival of its first byte, in nanoseconds of the machine's monotonic clock, as a string. */
  readonly arrivedAt: string;
  /** All its bytes, in base64. */
  readonly audio: string;
}

export interface FirstChunkOrder {
  readonly origin: string;
  readonly key: string;
  /** A speech of each, at once. */
  readonly texts: readonly string[];
  readonly way: 'audio-url' | 'subscription';
}

const STREAM = `mutation Stream($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { speech { audio { url } } }
}`;
const SUBSCRIBE = `subscription Listen($input: SynthesizeSpeechInput!) {
  speechStream(input: $input) { __typename ... on SpeechChunk { sequence audioBase64 } }
}`;

type Listen = (order: FirstChunkOrder, text: string, place: number) => Promise<HeardStream>;

/** Speeches of one socket at once. */
const STREAMS_OF_A_SOCKET = 20;

const sockets = new Map<string, Promise<GraphqlSocket>>();
let count = 0;

/** Listens to speeches to their ends. */
export function timeFirstChunks(order: FirstChunkOrder): Promise<HeardStream[]> {
  const listen: Listen = order.way === 'audio-url' ? overAudioUrl : overSubscription;
  return Promise.all(order.texts.map((text, place) => listen(order, text, place)));
}

async function overAudioUrl({ origin, key }: FirstChunkOrder, text: string): Promise<HeardStream> {
  const input = { provider: 'elevenlabs', text, delivery: 'STREAM' };
  const answer = await post(origin, key, JSON.stringify({ query: STREAM, variables: { input } }));
  const { data } = JSON.parse(answer) as { data: { synthesizeSpeech: { speech: { audio: { url: string } } } } | null };
  if (!data) throw new Error(`the stream was refused: ${answer}`);
  const { pathname, search } = new URL(data.synthesizeSpeech.speech.audio.url);
  return new Promise((resolve, reject) => {
    get(new URL(pathname + search, origin), (response) => {
      let arrived = 0n;
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => {
        if (arrived === 0n) arrived = process.hrtime.bigint();
        pieces.push(piece);
      });
      response.once('end', () => resolve(heard(text, arrived, pieces)));
      response.once('error', reject);
    }).once('error', reject);
  });
}

async function overSubscription({ origin, key }: FirstChunkOrder, text: string, place: number): Promise<HeardStream> {
  const name = `${origin} ${Math.floor(place / STREAMS_OF_A_SOCKET)}`;
  let opening = sockets.get(name);
  if (!opening) {
    opening = GraphqlSocket.open(origin, { authorization: `Bearer ${key}` });
    sockets.set(name, opening);
  }
  const socket = await opening;
  count += 1;
  const input = { provider: 'elevenlabs', text, idempotencyKey: `bench-${process.pid}-${count}` };
  const subscription = socket.subscribe<{ speechStream: SpeechEvent }>(SUBSCRIBE, { input });
  let arrived = 0n;
  let sequence: number | undefined;
  const pieces: Buffer[] = [];
  for (;;) {
    const event = await subscription.event();
    if (event.type === 'complete') return heard(text, arrived, pieces);
    if (event.type !== 'next' || event.payload.errors)
      throw new Error(`the stream was refused: ${JSON.stringify(event)}`);
    const chunk = event.payload.data?.speechStream;
    if (chunk?.__typename !== 'SpeechChunk') continue;
    if (arrived === 0n) arrived = process.hrtime.bigint();
    if (sequence !== undefined && chunk.sequence !== sequence + 1) throw new Error('chunks came out of their order');
    sequence = chunk.sequence;
    pieces.push(Buffer.from(chunk.audioBase64, 'base64'));
  }
}

type SpeechEvent =
  | { readonly __typename: 'SpeechChunk'; readonly sequence: number; readonly audioBase64: string }
  | { readonly __typename: 'SpeechStarted' | 'SpeechCompleted' };

const heard = (text: string, arrived: bigint, pieces: readonly Buffer[]): HeardStream => ({
  text,
  arrivedAt: arrived.toString(),
  audio: Buffer.concat(pieces).toString('base64'),
});

function post(origin: string, key: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      new URL('/graphql', origin),
      { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` } },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.once('end', () => resolve(Buffer.concat(pieces).toString('utf8')));
        response.once('error', reject);
      },
    );
    sent.once('error', reject);
    sent.end(body);
  });
}
