import type { SpeechProvider } from '../../providers/contract/tts';
import { elevenLabsSpeech } from '../../providers/elevenlabs/tts';
import { createSpeechProviders } from '../../providers/registry';

const opened: Map<string, SpeechProvider>[] = [];
function create(...parameters: Parameters<typeof createSpeechProviders>): Map<string, SpeechProvider> {
  const providers = createSpeechProviders(...parameters);
  opened.push(providers);
  return providers;
}

afterEach(async () => {
  for (const providers of opened.splice(0))
    await Promise.all([...providers.values()].map((provider) => provider.close()));
});

const IN_ORDER = [
  'local',
  'xtts',
  'cartesia',
  'elevenlabs',
  'deepgram',
  'fish-audio',
  'resemble-ai',
  'inworld',
  'chatterbox',
  'pocket-tts',
  'kokoro',
  'qwen-tts',
];

it('every provider of the price list is there in its order; without any setting, only the built-in engine can serve', () => {
  const configured = [...create()].map(([id, provider]) => [id, provider.configured]);
  expect(configured).toEqual(IN_ORDER.map((id) => [id, id === 'local']));
});

it('a key offers a hosted provider and an address a self-hosted one', () => {
  const providers = create({ elevenlabs: { apiKey: 'key' }, kokoro: { baseUrl: 'http://127.0.0.1:8880' } });
  const configured = [...providers].filter(([, provider]) => provider.configured);
  expect(configured.map(([id]) => id)).toEqual(['local', 'elevenlabs', 'kokoro']);
});

it('a base URL that is none is refused by the name of its setting', () => {
  expect(() => create({ kokoro: { baseUrl: 'kokoro' } })).toThrow(/^KOKORO_BASE_URL /);
});

it('adapters from outside are added, and one with a known id takes its place', () => {
  const providers = create({}, [
    { ...elevenLabsSpeech, provider: 'acme', name: 'Acme' },
    { ...elevenLabsSpeech, name: 'Mine' },
  ]);
  expect([...providers.keys()]).toEqual([...IN_ORDER, 'acme']);
  expect(providers.get('elevenlabs')!.declaration.name).toBe('Mine');
  expect(providers.get('acme')!.declaration.name).toBe('Acme');
});

describe('every declaration agrees with itself', () => {
  it.each([...create()].map(([id, { declaration }]) => [id, declaration] as const))('%s', (id, declaration) => {
    expect(declaration.provider).toBe(id);
    expect(id).toMatch(/^[a-z][a-z0-9-]*$/);
    const names = declaration.models.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain(declaration.defaultModel);
    expect(declaration.formats).toHaveProperty(declaration.defaultFormat);
    for (const model of declaration.models) {
      expect(model.charactersMax).toBeGreaterThan(0);
      expect(model.millisecondsPerCharacterMax).toBeGreaterThan(0);
      if (model.successor !== undefined) expect(names).toContain(model.successor);
    }
    for (const offer of Object.values(declaration.formats)) {
      expect(new Set(offer.sampleRates).size).toBe(offer.sampleRates.length);
      expect(offer.contentType).toMatch(/^audio\//);
    }
    if (declaration.speed !== null) {
      expect(declaration.speed.min).toBeLessThanOrEqual(1);
      expect(declaration.speed.max).toBeGreaterThanOrEqual(1);
    }
    expect(declaration.keyHeader ?? 'X-Provider-Key-').toMatch(/^X-Provider-Key-/);
    expect(declaration.render([{ kind: 'text', text: 'Plain words.' }])).toBe('Plain words.');
  });
});
