import { type Credential, NO_CREDENTIAL } from '../../../providers/contract/credential';
import { chooseCredential, credentialKey, type StoredKeys } from '../../../src/operations/routing/credentials';
import { PLATFORM } from './support';

const STORED: Credential = { source: 'STORED_KEY', secret: 'stored' };

const provider = (platformCredential: Credential | null, keyHeader: string | null = 'X-Provider-Key-Acme') => ({
  declaration: { provider: 'acme', name: 'Acme', firstParty: false, keyHeader },
  configured: platformCredential !== null,
  platformCredential,
  close: async () => {},
});
const caller = (header: string | null, allowStoredKeys = true) =>
  ({
    providerKeys: new Map(header === null ? [['other', 'key of another']] : [['acme', header]]),
    principal: { workspaceId: 'w', allowStoredKeys },
  }) as unknown as Parameters<typeof chooseCredential>[1];
const keys = (credential: Credential | null): StoredKeys => ({
  find: (workspaceId, providerId) => (workspaceId === 'w' && providerId === 'acme' ? credential : null),
});

it.each<[string, Parameters<typeof chooseCredential>, Credential]>([
  [
    'the request’s key before all',
    [provider(PLATFORM), caller('sent'), keys(STORED)],
    { source: 'REQUEST_KEY', secret: 'sent' },
  ],
  ['then the stored one', [provider(PLATFORM), caller(null), keys(STORED)], STORED],
  ['then the platform’s', [provider(PLATFORM), caller(null), keys(null)], PLATFORM],
  ['the platform’s, where nothing is stored', [provider(PLATFORM), caller(null), null], PLATFORM],
  [
    'the platform’s, where the token may not use stored keys',
    [provider(PLATFORM), caller(null, false), keys(STORED)],
    PLATFORM,
  ],
  [
    'an own key where the platform has none',
    [provider(null), caller('sent'), null],
    { source: 'REQUEST_KEY', secret: 'sent' },
  ],
  ['none, where the provider takes none', [provider(NO_CREDENTIAL, null), caller('sent'), keys(STORED)], NO_CREDENTIAL],
])('%s', async (_name, parameters, credential) => {
  expect(await chooseCredential(...parameters)).toEqual(credential);
});

it.each([
  ['X-Provider-Key-Acme', /send your own in X-Provider-Key-Acme/],
  [null, /is not set up on this platform/],
])('without any key it is refused, and the caller told what to do (%s)', async (header, message) => {
  await expect(chooseCredential(provider(null, header), caller(null), null)).rejects.toMatchObject({
    code: 'PROVIDER_NOT_CONFIGURED',
    fields: { provider: 'acme' },
    message: expect.stringMatching(message),
  });
});

it('a stored key that cannot be read is an error, and never the platform’s instead', async () => {
  const broken: StoredKeys = { find: () => Promise.reject(new Error('sealed with another key')) };
  await expect(chooseCredential(provider(PLATFORM), caller(null), broken)).rejects.toThrow('sealed with another key');
});

it('own keys are told apart without being given away', () => {
  const one = credentialKey('acme', { source: 'REQUEST_KEY', secret: 'secret-1' });
  expect(one).toBe(credentialKey('acme', { source: 'STORED_KEY', secret: 'secret-1' }));
  expect(one).not.toBe(credentialKey('acme', { source: 'REQUEST_KEY', secret: 'secret-2' }));
  expect(one).not.toContain('secret-1');
  expect(credentialKey('acme', PLATFORM)).toBe('acme');
});
