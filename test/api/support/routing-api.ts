import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { HttpSpeechAdapter } from '../../../providers/contract/tts';
import { elevenLabsSpeech } from '../../../providers/elevenlabs/tts';
import { kokoroSpeech } from '../../../providers/kokoro/tts';
import { createSpeechProviders } from '../../../providers/registry';
import { ProviderStub, type StubFault, type StubRequest } from '../../support/provider-stub';
import { TestClock } from '../../support/test-clock';
import {
  startTestServer,
  type TestServer,
  type TestServerOptions,
  type TestWorkspace,
} from '../../support/test-server';
import { HELLO, speak } from './speech-api';

/** Another provider by name, with its own voice: 4 credits for 1,000 characters. */
export const KOKORO = { provider: 'kokoro', voice: 'af_heart' } as const;
/** ElevenLabs first, at 166 credits for 1,000 characters; "Hello there." has 12. */
export const WITH_FALLBACK = { ...HELLO, routing: { fallbacks: [KOKORO] } } as const;
export const KOKORO_CREDITS = '0.048';
/** As a fallback of others. */
export const WITH_ELEVENLABS = [{ provider: 'elevenlabs', voice: '21m00Tcm4TlvDq8ikWAM' }] as const;

/** Kokoro under another name, as a first-party voice: the plan's characters pay for it, then 24 credits for 1,000. */
export const FIRST_PARTY = 'house';
const house: HttpSpeechAdapter = { ...kokoroSpeech, provider: FIRST_PARTY, name: 'House', firstParty: true };

/** Kokoro as a provider whose own format ElevenLabs does not make. */
export const LOSSLESS = 'lossless';
const lossless: HttpSpeechAdapter = { ...kokoroSpeech, provider: LOSSLESS, name: 'Lossless', defaultFormat: 'FLAC' };

/** ElevenLabs with a model that it has retired. */
const [first] = elevenLabsSpeech.models;
const retiring: HttpSpeechAdapter = {
  ...elevenLabsSpeech,
  models: [
    ...elevenLabsSpeech.models,
    { ...first, name: 'eleven_old', retiredAt: '2025-03-01', successor: 'eleven_v3' },
  ],
};

/** The default book with rates for the variants, as a file. */
function priceBook(): { readonly file: string; remove(): void } {
  const file = path.join(__dirname, '..', '..', '..', 'src', 'metering', 'price-books', 'default.json');
  const book = JSON.parse(readFileSync(file, 'utf8')) as { rates: Record<string, unknown>[] };
  const ofKokoro = book.rates.find((rate) => rate.capability === 'TEXT_TO_SPEECH' && rate.provider === 'kokoro')!;
  book.rates.push({ ...ofKokoro, provider: FIRST_PARTY, credits: '24' }, { ...ofKokoro, provider: LOSSLESS });
  const directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-book-'));
  const copy = path.join(directory, 'book.json');
  writeFileSync(copy, JSON.stringify(book));
  return { file: copy, remove: () => rmSync(directory, { recursive: true }) };
}

/** A server whose ElevenLabs and Kokoro, and two variants of Kokoro, are one stand-in. */
export async function startRoutingServer(options: TestServerOptions = {}): Promise<TestServer> {
  const stub = new ProviderStub();
  await stub.listen();
  const baseUrl = stub.url;
  const book = priceBook();
  const server = await startTestServer({
    ...options,
    stub,
    env: { PRICE_BOOK: book.file, ...options.env },
    replacements: {
      ...options.replacements,
      speechProviders: createSpeechProviders(
        {
          elevenlabs: { apiKey: 'stub-key', baseUrl },
          kokoro: { baseUrl },
          [FIRST_PARTY]: { baseUrl },
          [LOSSLESS]: { baseUrl },
        },
        [retiring, house, lossless],
      ),
    },
  });
  return {
    ...server,
    async close() {
      await server.close();
      await stub.close();
      book.remove();
    },
  };
}

/** The stand-in's requests for speech of one provider fail in this way, those of others do not. */
export const failingAt =
  (provider: string, fault: StubFault) =>
  (request: StubRequest): StubFault | undefined =>
    request.operation === 'speech' && request.provider === provider ? fault : undefined;

export const DOWN: StubFault = { kind: 'answer', status: 503 };
export const REFUSED: StubFault = { kind: 'answer', status: 422, body: { detail: 'No.' } };

/** Attempts in short: "elevenlabs REJECTED, kokoro SERVED". */
export const outcomes = (attempts: readonly { readonly provider: string; readonly outcome: string }[]): string =>
  attempts.map(({ provider, outcome }) => `${provider} ${outcome}`).join(', ');

export interface RoutingTest {
  readonly clock: TestClock;
  readonly server: TestServer;
  /** On the plan free, new for each test. */
  readonly workspace: TestWorkspace;
}

/** One server for the tests of a file, every circuit closed at the start of each; the ledger is clean after each. */
export function useRoutingServer(): RoutingTest {
  const clock = new TestClock();
  let server: TestServer | undefined;
  let workspace: TestWorkspace | undefined;
  beforeAll(async () => {
    server = await startRoutingServer({ clock });
    // The lists of voices are asked for once, and are not what these tests are about.
    for (const provider of [FIRST_PARTY, LOSSLESS]) await speak(server.client, { ...HELLO, provider });
  });
  beforeEach(async () => {
    server!.stub.fault(null);
    // Circuits that the last test opened let a request through again, and its answer closes them.
    await clock.advanceAsync(300_000);
    for (const provider of ['elevenlabs', 'kokoro']) await speak(server!.client, { ...HELLO, provider });
    workspace = await server!.createWorkspace({ plan: 'free' });
  });
  afterEach(async () => {
    expect(await server!.verifyLedger()).toMatchObject({ findings: [], openHolds: 0 });
  });
  afterAll(() => server?.close());
  return {
    clock,
    get server() {
      return server!;
    },
    get workspace() {
      return workspace!;
    },
  };
}
