import { loadPriceBook } from '../../../src/metering/load-price-book';
import type { SpeechPaces } from '../../../src/metering/speech-paces';
import { SpeechPricing } from '../../../src/operations/speech/speech-pricing';
import type { SpeechRequest } from '../../../src/operations/speech/speech-request';
import type { SpeechRoute } from '../../../src/operations/speech/speech-route';

const pricing = new SpeechPricing(loadPriceBook(null), {} as SpeechPaces);

const check = (
  planId: string,
  { characters = 1, quality = null }: { characters?: number; quality?: string | null },
  { firstParty = true, ownKey = false, agreedTerms = null as Record<string, unknown> | null } = {},
): void =>
  pricing.checkPlan(
    { planId, agreedTerms },
    { characters } as SpeechRequest,
    {
      ownKey,
      quality,
      providerId: firstParty ? 'xtts' : 'elevenlabs',
      provider: { declaration: { firstParty } },
    } as SpeechRoute,
  );

const refused = (limit: string, max: unknown, actual: unknown, plan: string) =>
  expect.objectContaining({ code: 'PLAN_LIMIT', fields: { limit, max, actual, plan } });

it.each([
  ['free', 500],
  ['starter', 5_000],
  ['pro', 5_000],
  ['scale', 5_000],
])('%s takes %i characters a first-party request, and not one more', (plan, max) => {
  expect(() => check(plan, { characters: max })).not.toThrow();
  expect(() => check(plan, { characters: max + 1 })).toThrow(refused('CHARACTERS_PER_REQUEST', max, max + 1, plan));
});

it.each(['STANDARD', 'PREMIUM', 'ULTRA'])('quality %s is for every plan that has it', (quality) => {
  for (const plan of ['starter', 'pro', 'scale', 'enterprise']) expect(() => check(plan, { quality })).not.toThrow();
  const onFree = () => check('free', { quality });
  if (quality === 'STANDARD') expect(onFree).not.toThrow();
  else expect(onFree).toThrow(refused('QUALITY', ['STANDARD'], quality, 'free'));
});

it('holds for first-party speech alone, and for no own key', () => {
  expect(() => check('free', { characters: 501, quality: 'ULTRA' }, { firstParty: false })).not.toThrow();
  expect(() => check('free', { characters: 501, quality: 'ULTRA' }, { ownKey: true })).not.toThrow();
});

it('an agreed number holds in place of the plan’s', () => {
  const agreedTerms = {
    priceUsd: '1',
    monthlyCredits: '1',
    hardCap: true,
    overageUsdPerCredit: null,
    carryoverMonths: 0,
    monthlyCharacters: 1,
    maxCharactersPerRequest: 20_000,
    qualities: ['PREMIUM'],
    requestsPerMinute: 1,
    maxApiKeys: 1,
  };
  expect(() => check('enterprise', { characters: 20_000, quality: 'PREMIUM' }, { agreedTerms })).not.toThrow();
  expect(() => check('enterprise', { characters: 20_001 }, { agreedTerms })).toThrow(
    refused('CHARACTERS_PER_REQUEST', 20_000, 20_001, 'enterprise'),
  );
  expect(() => check('enterprise', { quality: 'ULTRA' }, { agreedTerms })).toThrow(
    refused('QUALITY', ['PREMIUM'], 'ULTRA', 'enterprise'),
  );
});
