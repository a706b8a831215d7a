import { ProviderError } from '../../../providers/contract/errors';
import type { SpeechProvider } from '../../../providers/contract/tts';
import { elevenLabsSpeech } from '../../../providers/elevenlabs/tts';
import { httpSpeechProvider } from '../../../providers/http/speech-provider';
import {
  type ProviderStub,
  type StubFault,
  type StubRequest,
  seededRandom,
  startProviderStub,
} from '../../support/provider-stub';
import { bytesOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

/** What happens to a call, and how it must end. */
const FATES: readonly { fault?: StubFault; cancelled?: boolean; ending: string }[] = [
  { ending: 'WHOLE' },
  { ending: 'WHOLE' },
  { fault: { kind: 'answer', status: 500, body: { detail: 'failed' } }, ending: 'UNAVAILABLE' },
  { fault: { kind: 'answer', status: 400, body: { detail: 'refused' } }, ending: 'REJECTED' },
  { fault: { kind: 'stall-before-headers' }, ending: 'TIMEOUT' },
  { fault: { kind: 'stall-mid-body' }, ending: 'TIMEOUT' },
  { fault: { kind: 'stall-before-headers' }, cancelled: true, ending: 'CANCELLED' },
  { fault: { kind: 'stall-mid-body' }, cancelled: true, ending: 'CANCELLED' },
  { fault: { kind: 'hang-up' }, ending: 'UNAVAILABLE' },
  { fault: { kind: 'cut-mid-body' }, ending: 'UNAVAILABLE' },
  { fault: { kind: 'endless' }, ending: 'REJECTED' },
  { fault: { kind: 'empty' }, ending: 'UNAVAILABLE' },
];
const CALLS = 300;
const CALLERS = 20;

let stub: ProviderStub;
let provider: SpeechProvider;
beforeEach(async () => {
  stub = await startProviderStub();
  provider = httpSpeechProvider(elevenLabsSpeech, { baseUrl: stub.url, apiKey: PLATFORM_KEY.secret! });
});
afterEach(async () => {
  await provider.close();
  await stub.close();
});

it('in a storm of failing, stalling, cut and cancelled calls each ends in its own way, and nothing stays open', async () => {
  const random = seededRandom(7);
  const fates = Array.from({ length: CALLS }, () => FATES[Math.floor(random() * FATES.length)]!);
  const callers = fates.map(() => new AbortController());
  const callOf = (index: number) =>
    speechCall(elevenLabsSpeech, { streaming: true, spans: [{ kind: 'text', text: `Call number ${1_000 + index}.` }] });
  const whole = await bytesOf((await provider.speak(callOf(0), speakOptions({ credential: PLATFORM_KEY }))).chunks);
  stub.fault(({ json }: StubRequest) => {
    const index = Number((json as { text: string }).text.slice('Call number '.length, -1)) - 1_000;
    if (fates[index]!.cancelled === true) setImmediate(() => callers[index]!.abort());
    return fates[index]!.fault;
  });

  const endings: unknown[] = [];
  let next = 0;
  const caller = async (): Promise<void> => {
    for (let index = next++; index < CALLS; index = next++) {
      const timeoutMs = fates[index]!.ending === 'TIMEOUT' ? 50 : 30_000;
      const options = speakOptions({
        credential: PLATFORM_KEY,
        signal: callers[index]!.signal,
        firstByteTimeoutMs: timeoutMs,
        idleTimeoutMs: timeoutMs,
        bytesMax: 1_000_000,
      });
      try {
        const audio = await bytesOf((await provider.speak(callOf(index), options)).chunks);
        endings[index] = audio.equals(whole) ? 'WHOLE' : 'PARTIAL';
      } catch (error) {
        endings[index] = error instanceof ProviderError ? error.kind : error;
      }
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  expect(endings).toEqual(fates.map(({ ending }) => ending));

  await provider.close();
  await stub.when(({ openConnections }) => openConnections === 0);
});
