import fc from 'fast-check';
import type { Credential } from '../../../providers/contract/credential';
import { formatCredits } from '../../../src/lib/credits';
import { AppError } from '../../../src/lib/errors';
import { loadPriceBook } from '../../../src/metering/load-price-book';
import { ChatPricing } from '../../../src/operations/chat/chat-pricing';
import { readChatInput } from '../../../src/operations/chat/chat-request';
import type { ChatRoute } from '../../../src/operations/chat/chat-route';
import { ANTHROPIC, OPENAI, ScriptedChat } from '../../support/scripted-chat';

const PLATFORM: Credential = { source: 'PLATFORM', secret: 'x' };
const OWN: Credential = { source: 'REQUEST_KEY', secret: 'x' };
const request = (content = 'Hello?') => readChatInput({ messages: [{ role: 'USER', content }] });

function route(declaration: typeof OPENAI, name: string, credential = PLATFORM, maxOutputTokens = 4_096): ChatRoute {
  const model = declaration.models.find((it) => it.name === name)!;
  return {
    providerId: declaration.provider,
    name: declaration.name,
    modelId: `${declaration.provider}/${name}`,
    credential,
    retirement: null,
    provider: new ScriptedChat(declaration),
    model,
    maxOutputTokens,
    ownKey: credential === OWN,
  };
}

const pricing = new ChatPricing(loadPriceBook(null));

it.each([
  ['GPT-4.1 Mini', OPENAI, 'gpt-4.1-mini', 1_500, 321, '2.463'],
  ['Claude Sonnet 4', ANTHROPIC, 'claude-sonnet-4', 10, 1_000, '30.06'],
  ['GPT-4.1 Nano', OPENAI, 'gpt-4.1-nano', 1, 0, '0.001'],
  ['GPT-4.1', OPENAI, 'gpt-4.1', 0, 0, '0'],
])('%s, %# of the known answers', (_model, declaration, name, inputTokens, outputTokens, credits) => {
  const charge = pricing.price(request(), route(declaration, name)).charge({ inputTokens, outputTokens });
  expect(formatCredits(charge.credits)).toBe(credits);
});

it('holds every byte as a token, 16 for a message, what the provider adds, and the whole room for the answer', () => {
  const { quote } = pricing.price(request('é'.repeat(500)), route(OPENAI, 'gpt-4.1-mini'));
  expect(formatCredits(quote.credits!)).toBe(String(((1_000 + 16 + 100) * 1 + 4_096 * 3) / 1_000));
});

it('never holds less than an answer within its bounds comes to, nor expects more than it holds', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, unit: 'grapheme' }).filter((it) => it.trim() !== '' && !/\p{Cc}/u.test(it)),
      fc.nat(1_000),
      fc.integer({ min: 1, max: 4_096 }),
      (content, share, room) => {
        const asked = readChatInput({ messages: [{ role: 'USER', content: `a${content}` }] });
        const priced = pricing.price(asked, route(OPENAI, 'gpt-4.1', PLATFORM, room));
        const inputTokens = Math.floor(((asked.bytes + 116) * share) / 1_000);
        const outputTokens = Math.floor((room * share) / 1_000);
        expect(priced.charge({ inputTokens, outputTokens }).credits <= priced.atMost).toBe(true);
        expect(priced.expectedCredits <= priced.atMost).toBe(true);
      },
    ),
  );
});

it('an own key costs nothing, and a budget counts it at list price', () => {
  const priced = pricing.price(request(), route(OPENAI, 'gpt-4.1-mini', OWN));
  const { credits, quote } = priced.charge({ inputTokens: 1_500, outputTokens: 321 });
  expect([priced.quote.credits, credits]).toEqual([0n, 0n]);
  expect(formatCredits(quote.listCredits(0))).toBe('2.463');
  expect(priced.quote.listCredits(0)).toBeGreaterThan(0n);
});

it('a model without a price is refused, unless the own key pays', () => {
  expect(() => pricing.price(request(), route(OPENAI, 'unpriced'))).toThrow(AppError);
  expect(pricing.price(request(), route(OPENAI, 'unpriced', OWN)).quote.credits).toBe(0n);
});
