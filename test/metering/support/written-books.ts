import defaultBook from '../../../src/metering/price-books/default.json';

export type Json = Record<string, unknown>;

/** Characters of acme at 10 credits the 1,000. */
export const rateJson = (more: Json = {}): Json => ({
  capability: 'TEXT_TO_SPEECH',
  provider: 'acme',
  model: null,
  quality: null,
  unit: 'CHARACTER',
  per: 1_000,
  credits: '10',
  ...more,
});

/** A free plan of 2,500 credits and 10,000 characters with a hard cap. */
export const planJson = (more: Json = {}): Json => ({ ...defaultBook.plans[0], id: 'basic', ...more });

/** A version, which is a whole book too. */
export const versionJson = (more: Json = {}): Json => ({
  ...defaultBook,
  defaultPlan: 'basic',
  plans: [planJson()],
  rates: [rateJson()],
  ...more,
});
