import type { ChatProvider } from '../../providers/contract/llm';
import { openAiChat } from '../../providers/openai/llm';
import { createChatProviders } from '../../providers/registry';
import priceBook from '../../src/metering/price-books/default.json';

const opened: Map<string, ChatProvider>[] = [];
function create(...parameters: Parameters<typeof createChatProviders>): Map<string, ChatProvider> {
  const providers = createChatProviders(...parameters);
  opened.push(providers);
  return providers;
}

afterEach(async () => {
  for (const providers of opened.splice(0))
    await Promise.all([...providers.values()].map((provider) => provider.close()));
});

const rated = new Set(
  priceBook.rates
    .filter(({ capability }) => capability === 'LANGUAGE_MODEL')
    .map(({ provider, model }) => `${provider}/${model}`),
);

it('every model of the price list is served, and every model that is served has its price', () => {
  const served = [...create()].flatMap(([id, { declaration }]) =>
    declaration.models.map(({ name }) => `${id}/${name}`),
  );
  expect(new Set(served)).toEqual(rated);
});

it('without a key nothing can be served but with the caller’s own; with one, the provider is offered', () => {
  expect([...create().values()].map(({ configured }) => configured)).toEqual([false, false, false]);
  const providers = create({ anthropic: { apiKey: 'key' } });
  expect([...providers].map(([id, { configured }]) => [id, configured])).toEqual([
    ['openai', false],
    ['anthropic', true],
    ['groq', false],
  ]);
});

it('adapters from outside are added, and one with a known id takes its place', () => {
  const providers = create({}, [
    { ...openAiChat, provider: 'acme', name: 'Acme' },
    { ...openAiChat, name: 'Mine' },
  ]);
  expect([...providers].map(([id, { declaration }]) => [id, declaration.name])).toEqual([
    ['openai', 'Mine'],
    ['anthropic', 'Anthropic'],
    ['groq', 'Groq'],
    ['acme', 'Acme'],
  ]);
});

describe('every declaration agrees with itself', () => {
  it.each([...createChatProviders()].map(([id, { declaration }]) => [id, declaration] as const))(
    '%s',
    (id, declaration) => {
      expect(declaration.provider).toBe(id);
      expect(declaration.keyHeader).toMatch(/^X-Provider-Key-[A-Za-z]+$/);
      const names = declaration.models.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      const standard = declaration.models.find(({ name }) => name === declaration.defaultModel)!;
      expect(standard.retiredAt).toBeUndefined();
      for (const model of declaration.models) {
        expect(model.defaultMaxOutputTokens).toBe(Math.min(4_096, model.maxOutputTokens));
        expect(model.maxOutputTokens).toBeLessThanOrEqual(model.contextTokens);
        expect(Number.isInteger(model.overheadTokens) && model.overheadTokens > 0).toBe(true);
        if (model.temperature !== null) expect(model.temperature.min).toBeLessThan(model.temperature.max);
        // A model that ends names one that does not.
        expect(model.retiredAt === undefined).toBe(model.successor === undefined);
        if (model.retiredAt === undefined) continue;
        expect(model.retiredAt).toMatch(/^\d{4}-\d{2}-\d{2}$/);
        expect(declaration.models.find(({ name }) => name === model.successor)!.retiredAt).toBeUndefined();
      }
    },
  );
});
