import { readFileSync } from 'node:fs';
import { request } from 'undici';
import { migratedTemplate } from '../support/embedded-template';
import { ProviderStub } from '../support/provider-stub';
import { ServerPlace } from '../support/server-place';
import type { ServerProcess } from '../support/server-process';
import { createStormWorkspace, grantCredits } from '../support/storm-credits';
import { GraphqlClient } from '../support/test-server';

/** The server ends an answer of this text after 65,536 bytes a character. */
const TEXT = 'a'.repeat(4_000);
const BYTES_AT_LEAST = 200 * 1024 * 1024;
/** Far above what buffers and garbage that waits to be collected come to, far below the stream. */
const GROWTH_MAX = 100 * 1024 * 1024;
const PATIENCE_MS = 240_000;

const STREAM = `mutation ($text: String!) {
  synthesizeSpeech(input: { text: $text, provider: "elevenlabs", format: PCM, delivery: STREAM }) { speech { audio { url } } }
}`;

let stub: ProviderStub;
let place: ServerPlace;
let server: ServerProcess;
let client: GraphqlClient;
beforeAll(async () => {
  stub = new ProviderStub({ pieceBytes: 65_536 });
  await stub.listen();
  place = new ServerPlace({ databaseUrl: null, stubUrl: stub.url, clusterTemplate: await migratedTemplate() });
  server = await place.start();
  client = new GraphqlClient(server.url, await newWorkspaceKey(new GraphqlClient(server.url, place.adminKey)));
}, PATIENCE_MS);
afterAll(async () => {
  await client?.close();
  await server?.stop();
  await stub?.close();
  place?.close();
});

async function newWorkspaceKey(admin: GraphqlClient): Promise<string> {
  const { id, key } = await createStormWorkspace(admin);
  await grantCredits(admin, id, 1_000_000n * 1_000_000n);
  await admin.close();
  return key;
}

/** Resident memory of the server, in bytes, now and at its highest. */
function memory(): { now: number; highest: number } {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1024;
  return { now: kilobytes('VmRSS'), highest: kilobytes('VmHWM') };
}

async function listenTo(text: string): Promise<number> {
  const { synthesizeSpeech } = await client.data<{ synthesizeSpeech: { speech: { audio: { url: string } } } }>(STREAM, {
    text,
  });
  const { pathname, search } = new URL(synthesizeSpeech.speech.audio.url);
  const { body } = await request(server.url + pathname + search);
  let bytes = 0;
  try {
    for await (const piece of body) bytes += (piece as Buffer).length;
  } catch {
    // A stream that is larger than any speech is broken off.
  }
  return bytes;
}

const onLinux = process.platform === 'linux' ? it : it.skip;

onLinux(
  'memory does not grow with the length of a stream',
  async () => {
    expect(await listenTo('A short one, after which everything is loaded.')).toBeGreaterThan(0);
    const before = memory().highest;
    stub.fault(() => ({ kind: 'endless' }));
    expect(await listenTo(TEXT)).toBeGreaterThan(BYTES_AT_LEAST);
    expect(memory().highest - before).toBeLessThan(GROWTH_MAX);
  },
  PATIENCE_MS,
);
