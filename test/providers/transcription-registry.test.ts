import type { TranscriptionProvider } from '../../providers/contract/stt';
import { openAiTranscription } from '../../providers/openai/stt';
import { createChatProviders, createSpeechProviders, createTranscriptionProviders } from '../../providers/registry';
import book from '../../src/metering/price-books/default.json';

const opened: Map<string, TranscriptionProvider>[] = [];
function create(...parameters: Parameters<typeof createTranscriptionProviders>): Map<string, TranscriptionProvider> {
  const providers = createTranscriptionProviders(...parameters);
  opened.push(providers);
  return providers;
}

afterEach(async () => {
  for (const providers of opened.splice(0))
    await Promise.all([...providers.values()].map((provider) => provider.close()));
});

it('every provider that the price list charges transcription for is there, with every model that it names', () => {
  const rates = book.rates.filter(({ capability }) => capability === 'SPEECH_TO_TEXT');
  const providers = create();
  expect([...providers.keys()].sort()).toEqual([...new Set(rates.map(({ provider }) => provider))].sort());
  for (const { provider, model } of rates) {
    if (model === null) continue;
    expect(providers.get(provider)!.declaration.models.map(({ name }) => name)).toContain(model);
  }
});

it('every default model has a rate', () => {
  for (const [id, { declaration }] of create()) {
    const rated = book.rates.filter(({ capability, provider }) => capability === 'SPEECH_TO_TEXT' && provider === id);
    expect(rated.some(({ model }) => model === null || model === declaration.defaultModel)).toBe(true);
  }
});

it('without a key none can be served by the platform, and with one each can', () => {
  expect([...create().values()].map(({ configured }) => configured)).toEqual(Array(7).fill(false));
  const settings = Object.fromEntries([...create().keys()].map((id) => [id, { apiKey: 'key' }]));
  expect([...create(settings).values()].every(({ configured }) => configured)).toBe(true);
});

it('adapters from outside are added, and one with a known id takes its place', () => {
  const extra = [
    { ...openAiTranscription, provider: 'acme', name: 'Acme' },
    { ...openAiTranscription, name: 'Mine' },
  ];
  const providers = create({}, extra);
  expect(providers.get('acme')?.declaration.name).toBe('Acme');
  expect(providers.get('openai')?.declaration.name).toBe('Mine');
});

it('a base URL that is none is refused by the name of its setting', () => {
  expect(() => create({ 'fish-audio': { baseUrl: 'fish' } })).toThrow(/^FISH_AUDIO_BASE_URL /);
});

it('a provider is called the same, and takes its key under the same name, whatever it is asked to do', async () => {
  const speech = createSpeechProviders();
  const chat = createChatProviders();
  for (const [id, { declaration }] of create()) {
    const others = [speech.get(id), chat.get(id)].flatMap((provider) => provider?.declaration ?? []);
    for (const { name, firstParty, keyHeader } of others) {
      expect({ name, firstParty, keyHeader }).toEqual({
        name: declaration.name,
        firstParty: declaration.firstParty,
        keyHeader: declaration.keyHeader,
      });
    }
  }
  await Promise.all([...speech.values(), ...chat.values()].map((provider) => provider.close()));
});
