import { startTestServer, type TestServer } from './test-server';

const SPEAK = `mutation Speak($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { speech { id audio { url contentType } } usage { status credits } replayed }
}`;

describe('a server in the process of the tests', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server?.close());

  it('speaks through the stand-in, settles, pushes the event and serves the audio', async () => {
    const { subscription } = await server.client.subscribe<{
      usageUpdated: { usage: { id: string; credits: string } };
    }>('subscription { usageUpdated { usage { id credits } } }');
    const speak = async () => {
      const { synthesizeSpeech } = await server.client.data<{
        synthesizeSpeech: { speech: { id: string; audio: { url: string } }; usage: { credits: string } };
      }>(SPEAK, { input: { provider: 'elevenlabs', text: 'Hello there.' } });
      return synthesizeSpeech;
    };
    // Nothing tells that a subscription has begun but its first event.
    const first = subscription.next();
    let begun = false;
    void first.then(() => {
      begun = true;
    });
    while (!begun) await speak();
    const calls = server.stub.calls;
    const { speech, usage } = await speak();
    expect(usage).toEqual({ status: 'SUCCEEDED', credits: '1.992' });
    expect(server.stub.calls).toBe(calls + 1);
    let pushed = await first;
    while (pushed.data?.usageUpdated.usage.id !== speech.id) pushed = await subscription.next();
    expect(pushed.data.usageUpdated.usage.credits).toBe('1.992');
    const audio = await server.anonymous.send(speech.audio.url);
    expect(audio.status).toBe(200);
    expect(audio.body.length).toBeGreaterThan(1_000);
    expect((await server.verifyLedger()).findings).toEqual([]);
  });

  it('gives each workspace its own client', async () => {
    const other = await server.createWorkspace({ plan: 'starter', credits: '10' });
    expect(other.workspaceId).not.toBe(server.client.workspaceId);
    const answer = await server.anonymous.graphql('{ workspace { id } }');
    expect(answer.code).toBe('UNAUTHENTICATED');
  });
});
