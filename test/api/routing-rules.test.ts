import type { TestServer, TestWorkspace } from '../support/test-server';
import {
  DOWN,
  FIRST_PARTY,
  failingAt,
  KOKORO,
  KOKORO_CREDITS,
  outcomes,
  REFUSED,
  useRoutingServer,
  WITH_ELEVENLABS,
  WITH_FALLBACK,
} from './support/routing-api';
import { balanceOf, HELLO, HELLO_CREDITS, refusalOf, speak, standing } from './support/speech-api';

const routed = useRoutingServer();
const { clock } = routed;
let server: TestServer;
let workspace: TestWorkspace;
beforeEach(() => {
  ({ server, workspace } = routed);
});

describe('money', () => {
  it('routes over maxCredits are left out, and told; with none left the operation is refused', async () => {
    const { usage, speech } = await speak(workspace, { ...WITH_FALLBACK, maxCredits: '0.5' });
    expect(speech.providerId).toBe('kokoro');
    expect(usage!.attempts).toMatchObject([
      { provider: 'elevenlabs', outcome: 'SKIPPED', errorCode: 'MAX_CREDITS_EXCEEDED' },
      { provider: 'kokoro', outcome: 'SERVED' },
    ]);
    expect(usage).toMatchObject({ credits: KOKORO_CREDITS, heldCredits: KOKORO_CREDITS, requests: 1 });
    const { calls } = server.stub;
    const error = await refusalOf(workspace, { ...WITH_FALLBACK, maxCredits: '0.01' });
    expect(error.extensions).toMatchObject({
      code: 'MAX_CREDITS_EXCEEDED',
      maxCredits: '0.01',
      required: KOKORO_CREDITS,
    });
    expect(server.stub.calls).toBe(calls);
  });

  it('a fallback that cannot be paid for is done without; the first that cannot is told', async () => {
    const text = 'a'.repeat(20_000);
    const dear = { provider: 'elevenlabs', voice: '21m00Tcm4TlvDq8ikWAM' };
    const { usage } = await speak(workspace, { ...KOKORO, text, routing: { fallbacks: [dear] } });
    expect(usage).toMatchObject({ credits: '80', heldCredits: '80' });
    const error = await refusalOf(workspace, { ...dear, text, routing: { fallbacks: [KOKORO] } });
    expect(error.extensions).toMatchObject({ code: 'INSUFFICIENT_CREDITS', required: '3320' });
  });

  it('an own key needs no balance, whatever its fallback would', async () => {
    await speak(workspace, { ...HELLO, text: 'a'.repeat(15_000) });
    expect(await balanceOf(workspace)).toMatchObject({ remaining: '10' });
    const headers = { 'X-Provider-Key-ElevenLabs': 'own-key-of-the-poor' };
    const { usage } = await speak(workspace, { ...WITH_FALLBACK, text: 'b'.repeat(20_000) }, headers);
    expect(usage).toMatchObject({ byok: true, credits: '0', heldCredits: '0' });
  });

  it('one hold covers a route that the allowance pays for and one that only credits can', async () => {
    const input = { provider: FIRST_PARTY, text: 'a'.repeat(400), routing: { fallbacks: [KOKORO] } };
    expect((await speak(workspace, input)).usage).toMatchObject({ credits: '0', heldCredits: '1.6' });
    let refused = false;
    server.stub.fault(({ operation }) => {
      if (operation !== 'speech' || refused) return undefined;
      refused = true;
      return REFUSED;
    });
    const { usage } = await speak(workspace, input);
    expect(usage).toMatchObject({ credits: '1.6', heldCredits: '1.6' });
    expect(outcomes(usage!.attempts)).toBe(`${FIRST_PARTY} REJECTED, kokoro SERVED`);
    const { usage: summary } = await workspace.data<{ usage: { characters: { used: string } } }>(
      '{ usage { characters { used } } }',
    );
    expect(summary.characters.used).toBe('400');
    expect(await balanceOf(workspace)).toMatchObject({ used: '1.6', held: '0' });
  });

  it('an estimate tells what would be held for all that may serve', async () => {
    const estimate = async (input: Readonly<Record<string, unknown>>) =>
      (
        await workspace.data<{ estimateSpeech: Record<string, unknown> }>(
          `query ($input: SynthesizeSpeechInput!) {
            estimateSpeech(input: $input) { provider { id } credits creditsAtMost affordable }
          }`,
          { input },
        )
      ).estimateSpeech;
    expect(await estimate({ ...HELLO, ...KOKORO, routing: { fallbacks: WITH_ELEVENLABS } })).toEqual({
      provider: { id: 'kokoro' },
      credits: KOKORO_CREDITS,
      creditsAtMost: HELLO_CREDITS,
      affordable: true,
    });
    const text = 'a'.repeat(400);
    expect(await estimate({ provider: FIRST_PARTY, text, routing: { fallbacks: [KOKORO] } })).toMatchObject({
      credits: '0',
      creditsAtMost: '1.6',
    });
    expect(await estimate({ ...WITH_FALLBACK, maxCredits: '1' })).toMatchObject({
      provider: { id: 'kokoro' },
      creditsAtMost: KOKORO_CREDITS,
    });
    // The dear fallback could not be paid for, so nothing would be held for it.
    expect(
      await estimate({ ...KOKORO, text: 'a'.repeat(20_000), routing: { fallbacks: WITH_ELEVENLABS } }),
    ).toMatchObject({ credits: '80', creditsAtMost: '80', affordable: true });
  });
});

describe('an open circuit', () => {
  const health = async (client: TestWorkspace, headers?: Readonly<Record<string, string>>) =>
    (
      await client.data<{ provider: { health: { circuit: string; errorRate: number | null } } }>(
        '{ provider(id: "elevenlabs") { health { circuit errorRate } } }',
        {},
        headers,
      )
    ).provider.health;

  /** Until ElevenLabs is asked no more. */
  async function takeDown(headers?: Readonly<Record<string, string>>): Promise<void> {
    server.stub.fault(failingAt('elevenlabs', DOWN));
    for (let count = 0; count < 5; count++) await refusalOf(server.client, HELLO, headers);
    const { calls } = server.stub;
    await refusalOf(server.client, HELLO, headers);
    expect(server.stub.calls).toBe(calls);
  }

  it('spares a provider that is down: its fallback serves at once, and alone it fails at once', async () => {
    await takeDown();
    expect(await health(workspace)).toMatchObject({ circuit: 'OPEN', errorRate: expect.any(Number) });
    const { calls } = server.stub;
    const { usage } = await speak(workspace, WITH_FALLBACK);
    expect(usage!.attempts).toMatchObject([
      { provider: 'elevenlabs', outcome: 'SKIPPED', errorCode: 'PROVIDER_UNAVAILABLE' },
      { provider: 'kokoro', outcome: 'SERVED' },
    ]);
    expect(usage).toMatchObject({ requests: 1, credits: KOKORO_CREDITS });
    const error = await refusalOf(workspace, HELLO);
    expect(error.extensions).toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      provider: 'elevenlabs',
      retryable: true,
      retryAfterSeconds: 10,
      attempts: [{ outcome: 'SKIPPED' }],
    });
    expect(server.stub.calls).toBe(calls + 1);
    server.stub.fault(null);
    clock.advance(10_000);
    expect(await health(workspace)).toMatchObject({ circuit: 'HALF_OPEN' });
    expect((await speak(workspace, HELLO)).usage!.attempts).toMatchObject([{ outcome: 'SERVED' }]);
    expect(await health(workspace)).toMatchObject({ circuit: 'CLOSED' });
  });

  it('of an own key is that key’s alone', async () => {
    const headers = { 'X-Provider-Key-ElevenLabs': 'own-key-in-an-outage' };
    await takeDown(headers);
    expect(await health(workspace, headers)).toMatchObject({ circuit: 'OPEN', errorRate: 1 });
    expect(await health(workspace)).toMatchObject({ circuit: 'CLOSED' });
    server.stub.fault(null);
    expect((await speak(workspace, HELLO)).usage).toMatchObject({ status: 'SUCCEEDED', byok: false });
    const other = { 'X-Provider-Key-ElevenLabs': 'own-key-of-another' };
    expect((await speak(workspace, HELLO, other)).usage).toMatchObject({ status: 'SUCCEEDED', byok: true });
  });
});

describe('a retired model', () => {
  const OLD = { ...HELLO, model: 'eleven_old' } as const;
  const gone = (): void =>
    server.stub.fault(({ json }) =>
      (json as { model_id?: string } | undefined)?.model_id === 'eleven_multilingual_v2' ? REFUSED : undefined,
    );

  it('that is asked for by name is tried, and charged as itself', async () => {
    const { speech, usage } = await speak(workspace, OLD);
    expect(speech.model).toBe('elevenlabs/eleven_old');
    expect(usage).toMatchObject({ credits: HELLO_CREDITS });
  });

  it('that its provider refuses names its successor', async () => {
    gone();
    const error = await refusalOf(workspace, OLD);
    expect(error.extensions).toMatchObject({
      code: 'PROVIDER_REJECTED',
      model: 'elevenlabs/eleven_old',
      successor: 'elevenlabs/eleven_v3',
    });
    expect(error.message).toMatch(/retired elevenlabs\/eleven_old on 2025-03-01; name elevenlabs\/eleven_v3/);
  });

  it('gives way to its successor where that is allowed, and the usage names it', async () => {
    gone();
    const { speech, usage } = await speak(workspace, { ...OLD, routing: { allowSuccessor: true } });
    expect(speech.model).toBe('elevenlabs/eleven_v3');
    expect(usage!.attempts).toMatchObject([{ model: 'elevenlabs/eleven_v3', outcome: 'SERVED' }]);
  });
});

describe('bad input', () => {
  const fallback = (more: Readonly<Record<string, unknown>>) => ({
    ...HELLO,
    routing: { fallbacks: [{ ...KOKORO, ...more }] },
  });
  it.each<[string, Parameters<typeof refusalOf>[1], string, string]>([
    ['a fallback without a voice', fallback({ voice: null }), 'BAD_USER_INPUT', 'routing.fallbacks.0.voice'],
    [
      'a voice that its provider does not have',
      fallback({ voice: 'nobody' }),
      'BAD_USER_INPUT',
      'routing.fallbacks.0.voice',
    ],
    ['a voice of another provider', fallback({ voice: 'elevenlabs/x' }), 'BAD_USER_INPUT', 'routing.fallbacks.0.voice'],
    ['a model that it does not have', fallback({ model: 'none' }), 'BAD_USER_INPUT', 'routing.fallbacks.0.model'],
    ['a provider that is none', fallback({ provider: 'nobody' }), 'BAD_USER_INPUT', 'routing.fallbacks.0.provider'],
    ['an empty name', fallback({ provider: '' }), 'BAD_USER_INPUT', 'routing.fallbacks.0.provider'],
    [
      'too many fallbacks',
      { ...HELLO, routing: { fallbacks: Array(6).fill(KOKORO) } },
      'BAD_USER_INPUT',
      'routing.fallbacks',
    ],
    [
      'a speed that the fallback does not have',
      { ...fallback({ provider: 'kokoro' }), speed: 0.5 },
      'BAD_USER_INPUT',
      'speed',
    ],
  ])('%s is refused, and nobody is called', async (_what, input, code, field) => {
    const before = await standing(server, workspace);
    const error = await refusalOf(workspace, input);
    expect(error.extensions).toMatchObject({ code, field });
    expect(await standing(server, workspace)).toEqual(before);
  });

  it('a fallback whose provider is not set up is told of at once', async () => {
    const error = await refusalOf(workspace, fallback({ provider: 'cartesia', voice: 'x' }));
    expect(error.extensions).toMatchObject({ code: 'PROVIDER_NOT_CONFIGURED', provider: 'cartesia' });
  });

  it('a key that was used with other fallbacks is a conflict; with the same it is a replay', async () => {
    const input = { ...WITH_FALLBACK, idempotencyKey: 'routed' };
    await speak(workspace, input);
    expect(await speak(workspace, input)).toMatchObject({ replayed: true });
    const error = await refusalOf(workspace, { ...input, routing: { fallbacks: [{ ...KOKORO, voice: 'af_bella' }] } });
    expect(error.extensions.code).toBe('CONFLICT');
  });
});
