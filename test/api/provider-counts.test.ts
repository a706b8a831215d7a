import { ProviderStub } from '../support/provider-stub';
import { startTestServer, type TestServer } from '../support/test-server';
import { refusalOf, speak } from './support/speech-api';

const TEXT = 'Añ hello there.';
/** Of the default book, for a thousand characters; the text has 15. */
const PROVIDERS = [
  { provider: 'cartesia', credits: '1.17', count: null },
  { provider: 'deepgram', credits: '0.45', count: { unit: 'characters', quantity: 15 } },
  { provider: 'fish-audio', credits: '0.15', count: { unit: 'bytes', quantity: 16 } },
  { provider: 'resemble-ai', credits: '1.8', count: { unit: 'seconds', quantity: 0.9 } },
  { provider: 'inworld', credits: '1.2', count: { unit: 'characters', quantity: 15 } },
] as const;

let stub: ProviderStub;
let server: TestServer;
beforeAll(async () => {
  stub = new ProviderStub();
  await stub.listen();
  const env = Object.fromEntries(
    PROVIDERS.flatMap(({ provider }) => {
      const name = provider.toUpperCase().replaceAll('-', '_');
      return [
        [`${name}_API_KEY`, 'platform-key-0123456789'],
        [`${name}_BASE_URL`, stub.url],
      ];
    }),
  );
  server = await startTestServer({ stub, env });
});
beforeEach(() => stub.fault(null));
afterAll(async () => {
  await server?.close();
  await stub?.close();
});

const countOf = async (eventId: string): Promise<unknown> => {
  const { rows } = await server.database.query<{ provider_count: unknown }>(
    'SELECT provider_count FROM usage_events WHERE id = $1',
    [eventId],
  );
  return rows[0]!.provider_count;
};

it.each(PROVIDERS)(
  '$provider: the charge is by our characters, and its own count is kept beside it, even if it comes last',
  async ({ provider, credits, count }) => {
    const { speech, usage } = await speak(server.client, { provider, text: TEXT });
    expect(usage).toMatchObject({ status: 'SUCCEEDED', credits, characters: 15 });
    expect(await countOf(usage!.id)).toEqual(count);
    expect(speech.audio!.durationSeconds).toBeGreaterThan(0.8);
  },
);

it.each([
  ['resemble-ai', { success: false, message: 'The voice is asleep.' }],
  ['inworld', { error: { code: 3, message: 'The voice is asleep.' } }],
])('%s: an error inside a 200 is told in its words and charged nothing', async (provider, body) => {
  stub.fault(({ operation }) => (operation === 'speech' ? { kind: 'error-in-200', body } : undefined));
  const before = stub.calls;
  const error = await refusalOf(server.client, { provider, text: TEXT });
  expect(error.extensions).toMatchObject({ code: 'PROVIDER_REJECTED', provider, retryable: false });
  expect(error.message).toContain('The voice is asleep.');
  expect(stub.calls - before).toBe(1);
  const [event] = (
    await server.client.data<{ usageEvents: { edges: { node: { credits: string; errorCode: string } }[] } }>(
      '{ usageEvents(first: 1) { edges { node { credits errorCode } } } }',
    )
  ).usageEvents.edges;
  expect(event!.node).toEqual({ credits: '0', errorCode: 'PROVIDER_REJECTED' });
});

it('a voice beyond the window of a list is the provider’s to judge', async () => {
  const spoken = await speak(server.client, {
    provider: 'fish-audio',
    voice: 'c0000000000000000000000000001400',
    text: TEXT,
  });
  expect(spoken.usage!.status).toBe('SUCCEEDED');
  const error = await refusalOf(server.client, { provider: 'fish-audio', voice: 'nobody', text: TEXT });
  expect(error.extensions).toMatchObject({ code: 'PROVIDER_REJECTED', provider: 'fish-audio' });
});
