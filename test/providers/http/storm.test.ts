import { ProviderError } from '../../../providers/contract/errors';
import { elevenLabsSpeech } from '../../../providers/elevenlabs/tts';
import { httpSpeechProvider } from '../../../providers/http/speech-provider';
import { randomFaults, seededRandom, startProviderStub } from '../../support/provider-stub';
import { bytesOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

it('a storm of failing, stalling, cut and cancelled calls ends each with the whole audio or a ProviderError', async () => {
  const stub = await startProviderStub();
  const provider = httpSpeechProvider(elevenLabsSpeech, { baseUrl: stub.url, apiKey: PLATFORM_KEY.secret! });
  const call = speechCall(elevenLabsSpeech, { streaming: true });
  const options = { credential: PLATFORM_KEY, firstByteTimeoutMs: 200, idleTimeoutMs: 200, bytesMax: 2_000_000 };
  const whole = await bytesOf((await provider.speak(call, speakOptions({ credential: PLATFORM_KEY }))).chunks);
  stub.fault(
    randomFaults(7, 0.6, [
      { kind: 'answer', status: 500, body: { detail: 'failed' } },
      { kind: 'answer', status: 429, body: { detail: 'busy' } },
      { kind: 'stall-before-headers' },
      { kind: 'stall-mid-body' },
      { kind: 'hang-up' },
      { kind: 'cut-mid-body' },
      { kind: 'endless' },
      { kind: 'empty' },
    ]),
  );
  const random = seededRandom(11);
  const endings = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const caller = new AbortController();
      if (random() < 0.3) setTimeout(() => caller.abort(), random() * 100);
      try {
        const { chunks } = await provider.speak(call, speakOptions({ ...options, signal: caller.signal }));
        return (await bytesOf(chunks)).equals(whole) ? 'WHOLE' : 'PARTIAL';
      } catch (error) {
        return error instanceof ProviderError ? error.kind : error;
      }
    }),
  );
  expect(new Set(endings)).toEqual(new Set(['WHOLE', 'CANCELLED', 'UNAVAILABLE', 'TIMEOUT', 'REJECTED']));

  stub.fault(null);
  const after = await Promise.all(
    Array.from({ length: 50 }, async () =>
      bytesOf((await provider.speak(call, speakOptions({ credential: PLATFORM_KEY }))).chunks),
    ),
  );
  expect(after.every((bytes) => bytes.equals(whole))).toBe(true);
  await provider.close();
  await stub.when(({ openConnections }) => openConnections === 0);
  await stub.close();
});
