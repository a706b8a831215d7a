import { moveClock } from '../../support/database';
import type { GraphqlClient } from '../../support/graphql-client';
import { ProviderStub } from '../../support/provider-stub';
import { startTestServer, type TestServer } from '../../support/test-server';
import { HELLO, type SpeechInput } from './speech-api';

export const DAY_MS = 86_400_000;
/** From now to the next noon in UTC: no day ends while these tests run. */
export const TO_NOON = DAY_MS - ((Date.now() + DAY_MS / 2) % DAY_MS);

/** A server on which nothing but limits of end users is soon reached, at noon, with a stand-in for every capability. */
export async function startLimitServer(): Promise<TestServer> {
  const stub = new ProviderStub();
  await stub.listen();
  const env = { OPENAI_API_KEY: 'stub-key', OPENAI_BASE_URL: stub.url };
  const server = await startTestServer({ storm: true, plan: 'scale', stub, env });
  await moveClock(server.database, TO_NOON);
  const close = server.close.bind(server);
  return Object.assign(server, {
    async close() {
      await close();
      await stub.close();
    },
  });
}

export interface LimitFields {
  readonly endUserId: string;
  readonly creditsPerDay: string | null;
  readonly creditsPerPeriod: string | null;
  readonly requestsPerMinute: number | null;
  readonly usedToday: string;
  readonly usedThisPeriod: string;
  readonly updatedAt: string;
}
export interface LimitPage {
  readonly edges: readonly { readonly cursor: string; readonly node: LimitFields }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly hasPreviousPage: boolean; readonly endCursor: string };
}

export const LIMIT = 'endUserId creditsPerDay creditsPerPeriod requestsPerMinute usedToday usedThisPeriod updatedAt';
export const setLimit = (client: GraphqlClient, input: Readonly<Record<string, unknown>>) =>
  client.graphql<{ setEndUserLimit: { limit: LimitFields } | null }>(
    `mutation ($input: SetEndUserLimitInput!) { setEndUserLimit(input: $input) { limit { ${LIMIT} } } }`,
    { input },
  );
export async function limitTo(client: GraphqlClient, input: Readonly<Record<string, unknown>>): Promise<LimitFields> {
  const { data, errors } = await setLimit(client, { endUserId: 'ada', ...input });
  if (!data?.setEndUserLimit) throw new Error(`the limit was refused: ${JSON.stringify(errors)}`);
  return data.setEndUserLimit.limit;
}
export const lift = (client: GraphqlClient, endUserId: string) =>
  client.graphql<{ deleteEndUserLimit: { deletedId: string } | null }>(
    'mutation ($input: DeleteEndUserLimitInput!) { deleteEndUserLimit(input: $input) { deletedId } }',
    { input: { endUserId } },
  );
export const page = (client: GraphqlClient, variables: Readonly<Record<string, unknown>> = {}) =>
  client.graphql<{ endUserLimits: LimitPage | null }>(
    `query ($first: Int, $after: String) { endUserLimits(first: $first, after: $after) {
      edges { cursor node { ${LIMIT} } } pageInfo { hasNextPage hasPreviousPage endCursor }
    } }`,
    variables,
  );
export async function limitOf(client: GraphqlClient, endUserId = 'ada'): Promise<LimitFields | undefined> {
  const { data } = await page(client);
  return data!.endUserLimits!.edges.find(({ node }) => node.endUserId === endUserId)?.node;
}
export const of = (endUserId: string, more: Readonly<Record<string, unknown>> = {}): SpeechInput => ({
  ...HELLO,
  endUserId,
  ...more,
});
export const OWN = { 'x-provider-key-elevenlabs': 'own-key' };
/** The price of so many HELLOs, exactly. */
export const hellos = (count: number): string => String((count * 1_992) / 1_000);
