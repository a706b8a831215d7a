import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpeechProvider } from '../../../providers/contract/tts';
import { httpSpeechProvider } from '../../../providers/http/speech-provider';
import { kokoroSpeech } from '../../../providers/kokoro/tts';
import { createSpeechProviders } from '../../../providers/registry';
import type { GraphqlClient } from '../../support/graphql-client';
import { ProviderStub } from '../../support/provider-stub';
import { startTestServer, type TestServer, type TestServerOptions } from '../../support/test-server';

export interface PlanFields {
  readonly id: string;
  readonly priceUsd: string | null;
  readonly monthlyCredits: string | null;
  readonly hardCap: boolean;
  readonly overageUsdPerCredit: string | null;
  readonly carryoverMonths: number;
  readonly monthlyCharacters: number | null;
  readonly maxCharactersPerRequest: number | null;
  readonly qualities: readonly string[];
  readonly requestsPerMinute: number | null;
  readonly maxApiKeys: number | null;
}

/** A row of the published table of plans. */
export async function planRows(client: GraphqlClient) {
  const { plans } = await client.data<{ plans: PlanFields[] }>(
    `{ plans { id priceUsd monthlyCredits hardCap overageUsdPerCredit carryoverMonths monthlyCharacters
       maxCharactersPerRequest qualities requestsPerMinute maxApiKeys } }`,
  );
  return plans.map((plan) => [
    plan.id,
    plan.priceUsd,
    plan.monthlyCredits,
    plan.hardCap ? 'hard cap' : plan.overageUsdPerCredit,
    plan.carryoverMonths,
    plan.monthlyCharacters,
    plan.maxCharactersPerRequest,
    plan.qualities.join(' '),
    plan.requestsPerMinute,
    plan.maxApiKeys,
  ]);
}

interface RateFields {
  readonly capability: string;
  readonly provider: string | null;
  readonly model: string | null;
  readonly quality: string | null;
  readonly unit: string;
  readonly per: number;
  readonly credits: string;
}

/** The rate card, a line for each rate. */
export async function rateCardOf(client: GraphqlClient) {
  const { rateCard } = await client.data<{
    rateCard: { version: string; creditUsd: string; rates: RateFields[] };
  }>('{ rateCard { version creditUsd rates { capability provider model quality unit per credits } } }');
  const lines = rateCard.rates.map(({ capability, provider, model, quality, unit, per, credits }) => {
    const of = model ?? provider ?? 'all';
    return `${capability} ${of}${quality ? ` ${quality}` : ''}: ${credits} per ${per} ${unit}`;
  });
  return { version: rateCard.version, creditUsd: rateCard.creditUsd, lines };
}

/** A server with a price book; Kokoro's server also speaks as a first-party provider, `xtts`. */
export async function startServerWithBook(
  priceBook: string,
  options: TestServerOptions & { readonly firstPartyMsPerCharacterMax?: number } = {},
): Promise<TestServer> {
  const { firstPartyMsPerCharacterMax = 1_000, ...rest } = options;
  const stub = new ProviderStub();
  await stub.listen();
  const server = await startTestServer({
    ...rest,
    stub,
    env: { PRICE_BOOK: priceBook, BOOTSTRAP_PLAN: undefined, XTTS_COMMERCIAL_USE: 'confirmed', ...options.env },
    replacements: { ...options.replacements, speechProviders: speechProviders(stub.url, firstPartyMsPerCharacterMax) },
  }).catch(async (error: unknown) => {
    await stub.close();
    throw error;
  });
  const close = async (): Promise<void> => {
    await server.close();
    await stub.close();
  };
  return { ...server, close };
}

function speechProviders(baseUrl: string, millisecondsPerCharacterMax: number): ReadonlyMap<string, SpeechProvider> {
  const providers = createSpeechProviders({
    elevenlabs: { baseUrl, apiKey: 'stub-key' },
    kokoro: { baseUrl },
  });
  const [model] = kokoroSpeech.models;
  const own = { ...kokoroSpeech, provider: 'xtts', name: 'XTTS', firstParty: true };
  const models = [{ ...model, millisecondsPerCharacterMax }] as const;
  providers.set('xtts', httpSpeechProvider({ ...own, models }, { baseUrl }));
  return providers;
}

/** A price book in a file of its own, for as long as the tests of one file run. */
export class BookFiles {
  private readonly directory = mkdtempSync(join(tmpdir(), 'price-book-'));
  private count = 0;

  write(book: unknown): string {
    this.count += 1;
    const file = join(this.directory, `book-${this.count}.json`);
    writeFileSync(file, JSON.stringify(book));
    return file;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
