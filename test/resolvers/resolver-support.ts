import { buildPolyphonySchema } from '../../schema/build-schema';
import type { Principal } from '../../src/identity/principal';
import { resolvers } from '../../src/resolvers';
import type { RequestContext } from '../../src/resolvers/context';
import type { Services } from '../../src/resolvers/services';

export const schema = buildPolyphonySchema(resolvers);

export const apiKey = (...scopes: Principal['scopes']): Principal => ({
  kind: 'api-key',
  workspaceId: 'workspace-1',
  operator: false,
  planId: 'pro',
  apiKeyId: 'key-1',
  clientTokenId: null,
  scopes,
  capabilities: null,
  endUserId: null,
  allowStoredKeys: true,
  requestsPerMinute: null,
  origins: null,
  expiresAtMs: null,
});

export const clientToken = (capabilities: Principal['capabilities'], ...scopes: Principal['scopes']): Principal => ({
  ...apiKey(...scopes),
  kind: 'client-token',
  clientTokenId: 'token-1',
  capabilities,
  allowStoredKeys: false,
  requestsPerMinute: 10,
});

export interface Call {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** Services that note each call and answer what the test gives for it; without an answer, null. */
export function recordedServices(answers: Readonly<Record<string, unknown>> = {}): {
  services: Services;
  calls: Call[];
} {
  const calls: Call[] = [];
  const service = (name: string) =>
    new Proxy(
      {},
      {
        get:
          (_target, method: string) =>
          (_context: unknown, ...args: unknown[]) => {
            calls.push({ method: `${name}.${method}`, args });
            return answers[`${name}.${method}`] ?? null;
          },
      },
    );
  const services = new Proxy({}, { get: (_target, name: string) => service(name) }) as Services;
  return { services, calls };
}

export const contextOf = (principal: Principal | null, services: Services): RequestContext => ({
  requestId: 'request-1',
  principal,
  transport: 'http',
  providerKeys: new Map(),
  connection: null,
  tally: { inputTokens: 0, totalTokens: 0, audioMilliseconds: 0 },
  services,
});
