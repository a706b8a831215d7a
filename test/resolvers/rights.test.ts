import { graphql, parse, subscribe } from 'graphql';
import type { ApiKeyScope } from '../../schema/enums/api-key-scope';
import type { Principal } from '../../src/identity/principal';
import { apiKey, clientToken, contextOf, recordedServices, schema } from './resolver-support';

const ALL: readonly ApiKeyScope[] = ['METERED', 'READ', 'BILLING', 'MANAGE', 'ADMIN'];
const CAPABILITIES = ['TEXT_TO_SPEECH', 'SPEECH_TO_TEXT', 'LANGUAGE_MODEL'];
const SPEECH = '{text: "Hi", idempotencyKey: "k"}';
const CHAT = '{messages: [{role: USER, content: "t"}]}';

/** Every root field that is built, the scope that it needs, and whether a client token with that scope may use it. */
const FIELDS: readonly (readonly [string, ApiKeyScope | null, 'token' | 'key'])[] = [
  ['query { workspace { id } }', 'READ', 'token'],
  ['query { providers { id } }', null, 'token'],
  ['query { provider(id: "local") { id } }', null, 'token'],
  ['query { rateCard { version } }', null, 'token'],
  ['query { plans { id } }', null, 'token'],
  ['query { speech(id: "1") { id } }', 'READ', 'token'],
  [`query { estimateSpeech(input: ${SPEECH}) { credits } }`, 'READ', 'token'],
  [`query { compareSpeechCost(input: ${SPEECH}) { credits } }`, 'READ', 'token'],
  ['query { transcription(id: "1") { id } }', 'READ', 'token'],
  ['query { estimateTranscription(input: {audioSeconds: "1"}) { credits } }', 'READ', 'token'],
  ['query { balance { id } }', 'READ', 'token'],
  ['query { subscription { id } }', 'READ', 'key'],
  ['query { usage { id } }', 'READ', 'token'],
  ['query { usageEvents { pageInfo { hasNextPage } } }', 'READ', 'token'],
  ['query { usageEvent(id: "1") { id } }', 'READ', 'token'],
  [
    'query { usageBuckets(filter: {start: "2025-05-01T00:00:00Z", end: "2025-05-02T00:00:00Z", width: DAY, groupBy: []}) { pageInfo { hasNextPage } } }',
    'READ',
    'key',
  ],
  ['query { voiceUsage(startDate: "2025-05-01", endDate: "2025-05-31") { pageInfo { hasNextPage } } }', 'READ', 'key'],
  ['mutation { createUsageExport(input: {format: CSV, events: {}}) { url } }', 'READ', 'key'],
  ['query { apiKeys { pageInfo { hasNextPage } } }', 'MANAGE', 'key'],
  ['query { providerCredentials { id } }', 'MANAGE', 'key'],
  ['query { voices { pageInfo { hasNextPage } } }', 'READ', 'token'],
  ['query { voice(id: "local/x") { id } }', 'READ', 'token'],
  [
    'query { reconciliation(provider: "openai", start: "2025-05-01T00:00:00Z", end: "2025-05-02T00:00:00Z") { unresolved } }',
    'ADMIN',
    'key',
  ],
  [`mutation { synthesizeSpeech(input: ${SPEECH}) { replayed } }`, 'METERED', 'token'],
  ['mutation { cancelSpeech(input: {id: "1"}) { speech { id } } }', 'METERED', 'token'],
  ['mutation { deleteSpeech(input: {id: "1"}) { deletedId } }', 'METERED', 'token'],
  ['mutation { transcribe(input: {audio: {uploadId: "1"}}) { replayed } }', 'METERED', 'token'],
  ['mutation { deleteTranscription(input: {id: "1"}) { deletedId } }', 'METERED', 'token'],
  [
    'mutation { createUpload(input: {purpose: AUDIO, contentType: "audio/wav", sizeBytes: 1}) { upload { id } } }',
    'METERED',
    'token',
  ],
  [`query { estimateChat(input: ${CHAT}) { credits } }`, 'READ', 'token'],
  [`mutation { chat(input: ${CHAT}) { finishReason } }`, 'METERED', 'token'],
  ['mutation { createApiKey(input: {name: "n"}) { secret } }', 'MANAGE', 'key'],
  ['mutation { rotateApiKey(input: {id: "1"}) { secret } }', 'MANAGE', 'key'],
  ['mutation { revokeApiKey(input: {id: "1"}) { apiKey { id } } }', 'MANAGE', 'key'],
  [
    'mutation { createClientToken(input: {ttlSeconds: 60, capabilities: [], maxCredits: 1}) { token } }',
    'METERED',
    'key',
  ],
  ['mutation { revokeClientToken(input: {id: "1"}) { deletedId } }', 'METERED', 'key'],
  ['mutation { setProviderCredential(input: {provider: "p", secret: "s"}) { credential { id } } }', 'MANAGE', 'key'],
  ['mutation { deleteProviderCredential(input: {provider: "p"}) { deletedId } }', 'MANAGE', 'key'],
  ['query { endUserLimits { pageInfo { hasNextPage } } }', 'MANAGE', 'key'],
  ['mutation { setEndUserLimit(input: {endUserId: "u", creditsPerDay: 1}) { limit { endUserId } } }', 'MANAGE', 'key'],
  ['mutation { deleteEndUserLimit(input: {endUserId: "u"}) { deletedId } }', 'MANAGE', 'key'],
  ['mutation { createWorkspace(input: {name: "n", plan: "free"}) { secret } }', 'ADMIN', 'key'],
  ['mutation { setWorkspacePlan(input: {workspaceId: "1", plan: "pro"}) { workspace { id } } }', 'ADMIN', 'key'],
  [
    'mutation { grantCredits(input: {workspaceId: "1", kind: PROMOTION, credits: 5, reason: "r", idempotencyKey: "k"}) { grant { id } } }',
    'ADMIN',
    'key',
  ],
  ['query { invoices { pageInfo { hasNextPage } } }', 'BILLING', 'key'],
  [
    'mutation { createCheckoutSession(input: {plan: "pro", successUrl: "https://a.example", cancelUrl: "https://a.example"}) { url } }',
    'BILLING',
    'key',
  ],
  [
    'mutation { createTopUpSession(input: {credits: 5000, successUrl: "https://a.example", cancelUrl: "https://a.example"}) { url } }',
    'BILLING',
    'key',
  ],
  ['mutation { createBillingPortalSession(input: {}) { url } }', 'BILLING', 'key'],
  ['mutation { changePlan(input: {plan: "pro"}) { subscription { id } } }', 'BILLING', 'key'],
  ['mutation { cancelSubscription(input: {}) { subscription { id } } }', 'BILLING', 'key'],
  ['mutation { setOverageLimit(input: {limit: 5}) { balance { id } } }', 'BILLING', 'key'],
  ['query { webhookEndpoints { id } }', 'MANAGE', 'key'],
  ['query { webhookDeliveries(endpointId: "1") { pageInfo { hasNextPage } } }', 'MANAGE', 'key'],
  ['mutation { createWebhookEndpoint(input: {url: "https://a.example"}) { secret } }', 'MANAGE', 'key'],
  ['mutation { rotateWebhookSecret(input: {id: "1"}) { secret } }', 'MANAGE', 'key'],
  ['mutation { deleteWebhookEndpoint(input: {id: "1"}) { deletedId } }', 'MANAGE', 'key'],
  ['query { alertRules { id } }', 'READ', 'key'],
  ['query { alerts { pageInfo { hasNextPage } } }', 'READ', 'key'],
  ['mutation { createAlertRule(input: {kind: SPEND_SPIKE}) { rule { id } } }', 'MANAGE', 'key'],
  ['mutation { updateAlertRule(input: {id: "1", enabled: false}) { rule { id } } }', 'MANAGE', 'key'],
  ['mutation { deleteAlertRule(input: {id: "1"}) { deletedId } }', 'MANAGE', 'key'],
  ['subscription { alertRaised { id } }', 'READ', 'key'],
  ['subscription { usageUpdated { cursor } }', 'READ', 'token'],
  ['subscription { balanceChanged { id } }', 'READ', 'token'],
  [`subscription { speechStream(input: ${SPEECH}) { __typename } }`, 'METERED', 'token'],
  [`subscription { chatStream(input: ${CHAT}) { __typename } }`, 'METERED', 'token'],
];

async function* nothing(): AsyncGenerator<never> {}

/** Whether a service was reached, and the code that refused otherwise. */
async function attempt(
  source: string,
  principal: Principal | null,
): Promise<{ reached: boolean; code: unknown; message: string }> {
  const { services, calls } = recordedServices({
    'live.usageUpdated': nothing(),
    'live.balanceChanged': nothing(),
    'alerts.raised': nothing(),
    'speech.stream': nothing(),
    'chat.stream': nothing(),
  });
  const contextValue = contextOf(principal, services);
  const answer = source.startsWith('subscription')
    ? await subscribe({ schema, document: parse(source), contextValue })
    : await graphql({ schema, source, contextValue });
  const refusal =
    'errors' in answer
      ? (answer.errors?.[0]?.originalError as { code?: string; message: string } | undefined)
      : undefined;
  return { reached: calls.length > 0, code: refusal?.code, message: refusal?.message ?? '' };
}

describe('rights', () => {
  it('are tested for every root field of the schema', () => {
    const roots = ['Query', 'Mutation', 'Subscription'].flatMap((name) =>
      Object.keys((schema.getType(name) as unknown as { getFields(): object }).getFields()),
    );
    const tested = FIELDS.map(([source]) => /\{ (\w+)/.exec(source)?.[1]);
    expect([...new Set(tested)].sort()).toEqual([...new Set(roots)].sort());
    expect(FIELDS.length).toBe(roots.length);
  });

  it.each(FIELDS)('%s reaches its service with the scope %s alone', async (source, scope) => {
    expect(await attempt(source, apiKey(...(scope ? [scope] : [])))).toMatchObject({ reached: true });
  });

  it.each(FIELDS.filter(([, scope]) => scope))(
    '%s is FORBIDDEN with every scope but %s, which the message names',
    async (source, scope) => {
      const answer = await attempt(source, apiKey(...ALL.filter((it) => it !== scope)));
      expect(answer).toMatchObject({ reached: false, code: 'FORBIDDEN' });
      expect(answer.message).toContain(scope);
    },
  );

  it.each(FIELDS)('%s without a principal is UNAUTHENTICATED unless it needs no scope', async (source, scope) => {
    const expected = scope ? { reached: false, code: 'UNAUTHENTICATED' } : { reached: true };
    expect(await attempt(source, null)).toMatchObject(expected);
  });

  it.each(FIELDS)(
    '%s needs the scope %s; with a client token that has every scope it takes a %s',
    async (source, _scope, who) => {
      const expected = who === 'token' ? { reached: true } : { reached: false, code: 'FORBIDDEN' };
      expect(await attempt(source, clientToken(CAPABILITIES, ...ALL))).toMatchObject(expected);
    },
  );

  it.each([
    [/synthesizeSpeech|cancelSpeech|deleteSpeech|speechStream/, 'TEXT_TO_SPEECH'],
    [/transcribe|deleteTranscription/, 'SPEECH_TO_TEXT'],
    [/\bchat\(|chatStream/, 'LANGUAGE_MODEL'],
  ] as const)('%s is FORBIDDEN for a client token that was made for all but %s', async (fields, capability) => {
    const sources = FIELDS.filter(([source]) => fields.test(source));
    expect(sources.length).toBeGreaterThan(1);
    for (const [source] of sources) {
      const others = CAPABILITIES.filter((it) => it !== capability);
      const answer = await attempt(source, clientToken(others, 'METERED', 'READ'));
      expect(answer).toMatchObject({ reached: false, code: 'FORBIDDEN' });
      expect(answer.message).toContain(capability);
    }
  });
});
