import { get, request } from 'node:http';
import { GraphqlSocket } from '../test/support/graphql-socket';

export interface FirstChunkOrder {
  readonly origin: string;
  readonly key: string;
  readonly text: string;
  readonly way: 'audio-url' | 'subscription';
}

const STREAM = `mutation Stream($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { speech { audio { url } } }
}`;
const SUBSCRIBE = `subscription Listen($input: SynthesizeSpeechInput!) {
  speechStream(input: $input) { __typename ... on SpeechChunk { sequence audioBase64 } }
}`;

let socket: { readonly origin: string; readonly opened: Promise<GraphqlSocket> } | null = null;
let count = 0;

/**
 * Listens to one speech and answers when its first bytes arrived, in nanoseconds of the machine's monotonic clock as a
 * string; it is asked once for each sample.
 */
export function timeFirstChunks(order: FirstChunkOrder): Promise<string> {
  return order.way === 'audio-url' ? overAudioUrl(order) : overSubscription(order);
}

async function overAudioUrl({ origin, key, text }: FirstChunkOrder): Promise<string> {
  const input = { provider: 'elevenlabs', text, delivery: 'STREAM' };
  const answer = await post(origin, key, JSON.stringify({ query: STREAM, variables: { input } }));
  const { data } = JSON.parse(answer) as { data: { synthesizeSpeech: { speech: { audio: { url: string } } } } | null };
  if (!data) throw new Error(`the stream was refused: ${answer}`);
  const { pathname, search } = new URL(data.synthesizeSpeech.speech.audio.url);
  return new Promise((resolve, reject) => {
    get(new URL(pathname + search, origin), (response) => {
      let arrived = 0n;
      response.on('data', () => {
        if (arrived === 0n) arrived = process.hrtime.bigint();
      });
      response.once('end', () => resolve(arrived.toString()));
      response.once('error', reject);
    }).once('error', reject);
  });
}

async function overSubscription({ origin, key, text }: FirstChunkOrder): Promise<string> {
  if (socket?.origin !== origin) {
    socket = { origin, opened: GraphqlSocket.open(origin, { authorization: `Bearer ${key}` }) };
  }
  const opened = await socket.opened;
  count += 1;
  const input = { provider: 'elevenlabs', text, idempotencyKey: `bench-${process.pid}-${count}` };
  const subscription = opened.subscribe<{ speechStream: { __typename: string } }>(SUBSCRIBE, { input });
  let arrived = 0n;
  for (;;) {
    const event = await subscription.event();
    if (event.type === 'complete') return arrived.toString();
    if (event.type !== 'next' || event.payload.errors)
      throw new Error(`the stream was refused: ${JSON.stringify(event)}`);
    const type = event.payload.data?.speechStream.__typename;
    if (type === 'SpeechChunk' && arrived === 0n) arrived = process.hrtime.bigint();
  }
}

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
