import { Gate } from '../support/provider-stub';
import { startTestServer, type TestServer } from '../support/test-server';

let maker: TestServer;
let other: TestServer;
beforeAll(async () => {
  maker = await startTestServer();
  other = await startTestServer({ ...maker.data, stub: maker.stub });
});
afterAll(async () => {
  await other?.close();
  await maker?.close();
});
afterEach(() => maker.stub.fault(null));

const SPEAK = `mutation Speak($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { speech { id audio { url } } }
}`;
const ADDRESS = 'query Address($id: ID!) { speech(id: $id) { status audio { url } } }';

interface Address extends Record<string, unknown> {
  speech: { status: string; audio: { url: string } };
}

it.each(['COMPLETE', 'STREAM'])(
  'is heard from the first byte to the last while it is made, when it is delivered %s',
  async (delivery) => {
    const gate = new Gate();
    maker.stub.fault(({ operation }) => (operation === 'speech' ? { kind: 'gated', gate } : undefined));
    const calls = maker.stub.calls;
    const speaking = maker.client.data<{ synthesizeSpeech: { speech: { audio: { url: string } } } }>(SPEAK, {
      input: { provider: 'elevenlabs', text: 'Made over there, heard over here.', delivery },
    });
    await maker.stub.when(() => maker.stub.calls > calls);
    const { id } = maker.container.live.all()[0]!;
    const { speech } = await other.client.as(maker.client.key).data<Address>(ADDRESS, { id });
    expect(speech.status).toBe('GENERATING');
    const hearing = other.anonymous.send(new URL(speech.audio.url).pathname + new URL(speech.audio.url).search);
    gate.open();
    const { synthesizeSpeech } = await speaking;
    const heard = await hearing;
    const made = await maker.anonymous.send(synthesizeSpeech.speech.audio.url);
    expect(heard.status).toBe(200);
    expect(made.body.length).toBeGreaterThan(1_000);
    expect(heard.body.equals(made.body)).toBe(true);
  },
);
