import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { LastUse } from '../../src/identity/last-use';
import type { Principal } from '../../src/identity/principal';
import { ProviderCredentials } from '../../src/identity/provider-credentials/provider-credentials';
import { reencryptProviderCredentials } from '../../src/identity/provider-credentials/reencrypt';
import { CredentialSealer, UnreadableSecret } from '../../src/identity/provider-credentials/sealer';
import { StoredKeys } from '../../src/identity/provider-credentials/stored-keys';
import { newId } from '../../src/lib/ids';
import { KeyRing } from '../../src/lib/keys';
import { IdentityHarness, type IdentityNode, refusalOf } from './support/identity-harness';

const PROVIDERS = new Map([
  ['elevenlabs', { name: 'ElevenLabs', keyHeader: 'X-Provider-Key-ElevenLabs' }],
  ['openai', { name: 'OpenAI', keyHeader: 'X-Provider-Key-OpenAI' }],
  ['kokoro', { name: 'Kokoro', keyHeader: null }],
]);
const KEY = 'sk-canary-0123456789-WXYZ';

const root = (): Buffer => randomBytes(32);
const OLD = root();
const NEW = root();

let harness: IdentityHarness;
beforeAll(async () => {
  harness = await IdentityHarness.open();
});
afterAll(() => harness?.close());

/** What a server process has of stored keys. */
function processWith(...roots: Buffer[]) {
  const node = harness.node();
  const sealer = new CredentialSealer(new KeyRing(...(roots.length > 0 ? roots : [OLD])));
  const database = {
    engine: harness.database.engine,
    dataSource: harness.database.dataSource,
    listen: harness.database.listen,
    transaction: harness.database.transaction.bind(harness.database),
    close: async () => {},
    query: ((sql: string, parameters?: readonly unknown[], name?: string) => {
      node.statements.push(sql);
      return harness.database.query(sql, parameters, name);
    }) as typeof harness.database.query,
  };
  const { notices } = node;
  const lastUse = new LastUse(database, harness.clock, { warn: () => {} }, 'provider_credentials');
  return {
    node,
    sealer,
    lastUse,
    credentials: new ProviderCredentials({ database, notices, sealer, providers: PROVIDERS }),
    stored: new StoredKeys({ database, clock: harness.clock, notices, sealer, lastUse }),
  };
}

const reads = (node: IdentityNode): number => node.statements.filter((sql) => sql.includes('sealed_by, sealed')).length;
const set = (provider: string, secret: string, label?: string) => ({ provider, secret, ...(label && { label }) });

describe('sealing', () => {
  const place = () => ({ workspaceId: newId(), provider: 'elevenlabs', id: newId() });

  test('what was sealed for a place opens there, whatever it is, and is never the same twice', () => {
    const sealer = new CredentialSealer(new KeyRing(OLD));
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 512 }), (secret) => {
        const at = place();
        const [one, two] = [sealer.seal(at, secret), sealer.seal(at, secret)];
        expect(sealer.open(at, one)).toBe(Buffer.from(secret).toString('utf8'));
        expect(one.sealed.equals(two.sealed)).toBe(false);
        expect(one.sealed.length).toBe(28 + Buffer.byteLength(secret));
      }),
    );
  });

  test('it opens in no other workspace, for no other provider and under no other id', () => {
    const sealer = new CredentialSealer(new KeyRing(OLD));
    const at = place();
    const sealed = sealer.seal(at, KEY);
    for (const other of [
      { ...at, workspaceId: newId() },
      { ...at, provider: 'openai' },
      { ...at, id: newId() },
      { ...at, workspaceId: at.id, id: at.workspaceId },
    ]) {
      expect(() => sealer.open(other, sealed)).toThrow(new UnreadableSecret('damaged'));
    }
  });

  test('a change of any single bit, or a cut anywhere, is found', () => {
    const sealer = new CredentialSealer(new KeyRing(OLD));
    const at = place();
    const { sealedBy, sealed } = sealer.seal(at, KEY);
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => sealer.open(at, { sealedBy, sealed: changed })).toThrow(UnreadableSecret);
    }
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => sealer.open(at, { sealedBy, sealed: sealed.subarray(0, length) })).toThrow(UnreadableSecret);
    }
  });

  test('another root opens nothing, also under the name of the right one', () => {
    const at = place();
    const sealed = new CredentialSealer(new KeyRing(OLD)).seal(at, KEY);
    const other = new CredentialSealer(new KeyRing(NEW));
    expect(() => other.open(at, sealed)).toThrow(new UnreadableSecret('unknown-key'));
    expect(() => other.open(at, { ...sealed, sealedBy: other.newest })).toThrow(new UnreadableSecret('damaged'));
  });

  test('after a rotation the newest root seals and the older ones still open', () => {
    const at = place();
    const before = new CredentialSealer(new KeyRing(OLD));
    const after = new CredentialSealer(new KeyRing(NEW, OLD));
    expect(after.open(at, before.seal(at, KEY))).toBe(KEY);
    const fresh = after.seal(at, KEY);
    expect(fresh.sealedBy.equals(before.newest)).toBe(false);
    expect(new CredentialSealer(new KeyRing(NEW)).open(at, fresh)).toBe(KEY);
  });

  test('no error says anything of the secret', () => {
    const at = place();
    const sealed = new CredentialSealer(new KeyRing(OLD)).seal(at, KEY);
    try {
      new CredentialSealer(new KeyRing(NEW)).open(at, sealed);
    } catch (error) {
      expect(`${(error as Error).stack}${JSON.stringify(error)}`).not.toContain('canary');
    }
  });
});

describe('a workspace’s keys', () => {
  let one: ReturnType<typeof processWith>;
  let principal: Principal;
  let id: string;
  beforeEach(async () => {
    one = processWith();
    ({ principal, id } = await harness.workspace(one.node));
  });

  test('are shown by their last four characters and used whole', async () => {
    const made = await one.credentials.set(principal, set('elevenlabs', KEY, 'Ada’s'));
    expect(made).toMatchObject({ providerId: 'elevenlabs', label: 'Ada’s', lastFour: 'WXYZ', lastUsedAt: null });
    expect(await one.credentials.list(principal)).toEqual([made]);
    expect(JSON.stringify(made)).not.toContain('canary');
    expect(await one.stored.find(id, 'elevenlabs')).toEqual({ source: 'STORED_KEY', secret: KEY });
    expect(await one.stored.find(id, 'openai')).toBeNull();
  });

  test('that are short show nothing of themselves', async () => {
    expect((await one.credentials.set(principal, set('openai', 'abcdefg'))).lastFour).toBe('****');
  });

  test('are one for each provider: the newer takes the place of the older under another id', async () => {
    const first = await one.credentials.set(principal, set('elevenlabs', 'the-first-key-1111', 'first'));
    const second = await one.credentials.set(principal, set('elevenlabs', 'the-second-key-2222'));
    await one.credentials.set(principal, set('openai', 'another-key-3333'));
    expect(second.id).not.toBe(first.id);
    expect(await one.credentials.list(principal)).toMatchObject([
      { id: second.id, lastFour: '2222', label: null },
      { providerId: 'openai', lastFour: '3333' },
    ]);
    expect((await one.stored.find(id, 'elevenlabs'))!.secret).toBe('the-second-key-2222');
  });

  test('set at the same time end as one of them, whole', async () => {
    const keys = Array.from({ length: 8 }, (_, index) => `key-number-000${index}`);
    await Promise.all(keys.map((key) => one.credentials.set(principal, set('elevenlabs', key))));
    const [credential, ...others] = await one.credentials.list(principal);
    expect(others).toEqual([]);
    const { secret } = (await one.stored.find(id, 'elevenlabs'))!;
    expect(keys).toContain(secret);
    expect(secret.slice(-4)).toBe(credential!.lastFour);
  });

  test('are their workspace’s alone', async () => {
    await one.credentials.set(principal, set('elevenlabs', KEY));
    const stranger = await harness.workspace(one.node);
    expect(await one.credentials.list(stranger.principal)).toEqual([]);
    expect(await one.stored.find(stranger.id, 'elevenlabs')).toBeNull();
    expect(await refusalOf(one.credentials.delete(stranger.principal, 'elevenlabs'))).toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await one.stored.find(id, 'elevenlabs')).not.toBeNull();
  });

  test('need an API key with the scope MANAGE', async () => {
    const { METERED, ...others } = { METERED: 'METERED', READ: 'READ', BILLING: 'BILLING' } as const;
    const reader: Principal = { ...principal, scopes: [METERED, ...Object.values(others)] };
    const token: Principal = { ...principal, kind: 'client-token' };
    for (const who of [reader, token]) {
      for (const work of [
        one.credentials.list(who),
        one.credentials.set(who, set('elevenlabs', KEY)),
        one.credentials.delete(who, 'elevenlabs'),
      ]) {
        expect((await refusalOf(work)).code).toBe('FORBIDDEN');
      }
    }
    await one.node.keys.revoke(principal, principal.apiKeyId);
    expect((await refusalOf(one.credentials.set(principal, set('elevenlabs', KEY)))).code).toBe('UNAUTHENTICATED');
  });

  test('a client token uses them only where it was made to', async () => {
    await one.credentials.set(principal, set('elevenlabs', KEY));
    const token = { workspaceId: id, allowStoredKeys: false };
    expect(await one.stored.findFor(token, 'elevenlabs')).toBeNull();
    expect((await one.stored.providersFor(token)).has('elevenlabs')).toBe(false);
    expect((await one.stored.findFor({ ...token, allowStoredKeys: true }, 'elevenlabs'))!.secret).toBe(KEY);
    expect(await one.stored.findFor(null, 'elevenlabs')).toBeNull();
  });

  test.each<[string, Parameters<ProviderCredentials['set']>[1], string]>([
    ['an unknown provider', set('nobody', KEY), 'provider'],
    ['a provider without keys', set('kokoro', KEY), 'provider'],
    ['a provider’s name with what no database takes', set('eleven\0labs', KEY), 'provider'],
    ['an inherited name', set('__proto__', KEY), 'provider'],
    ['nothing', set('elevenlabs', ''), 'secret'],
    ['spaces', set('elevenlabs', '   '), 'secret'],
    ['more than 512 characters', set('elevenlabs', 'k'.repeat(513)), 'secret'],
    ['a line break at the end', set('elevenlabs', `${KEY}\n`), 'secret'],
    ['a line break within', set('elevenlabs', `${KEY}\r\nX-Other: 1`), 'secret'],
    ['a control character', set('elevenlabs', `${KEY}\u0007`), 'secret'],
    ['a NUL', set('elevenlabs', `${KEY}\0`), 'secret'],
    ['letters beyond ASCII', set('elevenlabs', 'schlüssel-für-alles'), 'secret'],
    ['a typographic quote from a document', set('elevenlabs', `“${KEY}”`), 'secret'],
    ['a blank label', { ...set('elevenlabs', KEY), label: ' ' }, 'label'],
    ['a label of 201 characters', { ...set('elevenlabs', KEY), label: 'x'.repeat(201) }, 'label'],
    ['a label with a line break', { ...set('elevenlabs', KEY), label: 'a\nb' }, 'label'],
  ])('%s is refused by the name of its field, and nothing is stored or repeated', async (_name, input, field) => {
    const refusal = await refusalOf(one.credentials.set(principal, input));
    expect(refusal).toMatchObject({ code: 'BAD_USER_INPUT', fields: { field } });
    expect(JSON.stringify(refusal)).not.toMatch(/canary|schlüssel/);
    expect(await one.credentials.list(principal)).toEqual([]);
  });

  test('of exactly 512 characters are kept', async () => {
    await one.credentials.set(principal, set('elevenlabs', 'k'.repeat(512)));
    expect((await one.stored.find(id, 'elevenlabs'))!.secret).toHaveLength(512);
  });

  test.each(['elevenlabs', 'nobody', '', 'a\0b', '__proto__'])(
    '%j that is not there is NOT_FOUND',
    async (provider) => {
      expect((await refusalOf(one.credentials.delete(principal, provider))).code).toBe('NOT_FOUND');
    },
  );

  test('deleted keys answer their id once and are gone', async () => {
    const made = await one.credentials.set(principal, set('elevenlabs', KEY));
    expect(await one.stored.find(id, 'elevenlabs')).not.toBeNull();
    expect(await one.credentials.delete(principal, 'elevenlabs')).toBe(made.id);
    expect(await one.stored.find(id, 'elevenlabs')).toBeNull();
    expect((await refusalOf(one.credentials.delete(principal, 'elevenlabs'))).code).toBe('NOT_FOUND');
  });
});

describe('what is remembered', () => {
  test('a workspace without keys costs one read, not one for each operation', async () => {
    const one = processWith();
    const { id } = await harness.workspace(one.node);
    for (let time = 0; time < 20; time += 1) expect(await one.stored.find(id, 'elevenlabs')).toBeNull();
    await Promise.all(Array.from({ length: 20 }, () => one.stored.find(id, 'openai')));
    expect(reads(one.node)).toBe(1);
  });

  test('a change in one workspace makes nobody else’s keys be read again', async () => {
    const one = processWith();
    const [mine, other] = [await harness.workspace(one.node), await harness.workspace(one.node)];
    for (const { id } of [mine, other]) await one.stored.find(id, 'elevenlabs');
    await one.credentials.set(mine.principal, set('elevenlabs', KEY));
    expect((await one.stored.find(mine.id, 'elevenlabs'))!.secret).toBe(KEY);
    await one.stored.find(other.id, 'elevenlabs');
    expect(reads(one.node)).toBe(3);
  });

  test('a key that is set, replaced or deleted on one process is so on another that hears of it', async () => {
    const [one, two] = [processWith(), processWith()];
    const { id, principal } = await harness.workspace(one.node);
    const seen = async () => (await two.stored.find(id, 'elevenlabs'))?.secret ?? null;
    expect(await seen()).toBeNull();
    await one.credentials.set(principal, set('elevenlabs', 'the-first-key'));
    expect(await seen()).toBe('the-first-key');
    await one.credentials.set(principal, set('elevenlabs', 'the-second-key'));
    expect(await seen()).toBe('the-second-key');
    await one.credentials.delete(principal, 'elevenlabs');
    expect(await seen()).toBeNull();
  });

  test('a process that hears nothing trusts what it knows for two seconds, and nothing once it hears again', async () => {
    const [one, two] = [processWith(), processWith()];
    const { id, principal } = await harness.workspace(one.node);
    await one.credentials.set(principal, set('elevenlabs', KEY));
    expect(await two.stored.find(id, 'elevenlabs')).not.toBeNull();
    two.node.bus.connect(false);
    await one.credentials.delete(principal, 'elevenlabs');
    harness.clock.advance(2_001);
    expect(await two.stored.find(id, 'elevenlabs')).toBeNull();

    await one.credentials.set(principal, set('elevenlabs', KEY));
    two.node.bus.connect(true);
    expect(await two.stored.find(id, 'elevenlabs')).not.toBeNull();
  });

  test('a change of a key signs nobody out and closes no socket', async () => {
    const one = processWith();
    const { secret, principal } = await harness.workspace(one.node);
    const told: unknown[] = [];
    one.node.authenticator.onChanged((who) => told.push(who));
    one.node.authenticator.onRevoked((who) => told.push(who));
    const before = one.node.statements.length;
    await one.credentials.set(principal, set('elevenlabs', KEY));
    await one.node.authenticator.authenticate(secret);
    expect(told).toEqual([]);
    expect(one.node.statements.slice(before).filter((sql) => sql.includes('secret_hash'))).toEqual([]);
  });

  test('a use is written beside the path, and a replaced key has none of its own', async () => {
    const one = processWith();
    const { id, principal } = await harness.workspace(one.node);
    await one.credentials.set(principal, set('elevenlabs', KEY));
    await one.stored.find(id, 'elevenlabs');
    expect((await one.credentials.list(principal))[0]!.lastUsedAt).toBeNull();
    one.stored.noteUse(id, 'elevenlabs');
    one.stored.noteUse(id, 'openai');
    await new Promise(setImmediate);
    await one.lastUse.flush();
    expect((await one.credentials.list(principal))[0]!.lastUsedAt).toBeInstanceOf(Date);
    await one.credentials.set(principal, set('elevenlabs', KEY));
    expect((await one.credentials.list(principal))[0]!.lastUsedAt).toBeNull();
  });
});

describe('what lies in the database', () => {
  test('holds no key in any form, and is not the platform’s to read without ENCRYPTION_KEY', async () => {
    const one = processWith();
    const { principal } = await harness.workspace(one.node);
    await one.credentials.set(principal, set('elevenlabs', KEY));
    const { rows } = await harness.database.query<{ row: string; sealed: Buffer }>(
      'SELECT c::text AS row, sealed FROM provider_credentials c',
    );
    for (const { row, sealed } of rows) {
      expect(row).not.toContain('canary');
      expect(row).not.toContain(Buffer.from(KEY.slice(0, 12)).toString('hex'));
      expect(sealed.toString('latin1')).not.toContain('canary');
    }
  });

  test('rows that were swapped, copied or damaged open nothing, and no other key takes their place', async () => {
    const one = processWith();
    const [mine, other] = [await harness.workspace(one.node), await harness.workspace(one.node)];
    await one.credentials.set(mine.principal, set('elevenlabs', 'key-of-mine-0001'));
    await one.credentials.set(mine.principal, set('openai', 'key-of-mine-0002'));
    await one.credentials.set(other.principal, set('elevenlabs', 'key-of-other-0003'));
    const tamper = async (sql: string): Promise<void> => {
      await harness.database.query(sql, [mine.id, other.id]);
      one.node.notices.tell({ change: 'provider-key-changed', workspaceId: mine.id });
    };
    const refused = { code: 'UNAVAILABLE', fields: { provider: 'elevenlabs' } };
    // Another workspace's key in this one's row.
    await tamper(
      `UPDATE provider_credentials c SET sealed = o.sealed FROM provider_credentials o
       WHERE c.workspace_id = $1 AND c.provider = 'elevenlabs' AND o.workspace_id = $2`,
    );
    expect(await refusalOf(one.stored.find(mine.id, 'elevenlabs'))).toMatchObject(refused);
    // The key of another provider.
    await tamper(
      `UPDATE provider_credentials c SET sealed = o.sealed FROM provider_credentials o
       WHERE c.workspace_id = $1 AND c.provider = 'elevenlabs' AND o.workspace_id = $1 AND o.provider = 'openai'
         AND $2::uuid IS NOT NULL`,
    );
    expect(await refusalOf(one.stored.find(mine.id, 'elevenlabs'))).toMatchObject(refused);
    expect((await one.stored.find(mine.id, 'openai'))!.secret).toBe('key-of-mine-0002');
    // A whole row, its id included, carried to another workspace.
    await tamper(`UPDATE provider_credentials SET workspace_id = $2 WHERE workspace_id = $1 AND provider = 'openai'`);
    one.node.notices.tell({ change: 'provider-key-changed', workspaceId: other.id });
    expect(await refusalOf(one.stored.find(other.id, 'openai'))).toMatchObject({ code: 'UNAVAILABLE' });
    await tamper(`UPDATE provider_credentials SET workspace_id = $1 WHERE workspace_id = $2 AND provider = 'openai'`);
    await tamper(
      `UPDATE provider_credentials SET sealed = set_byte(sealed, 30, get_byte(sealed, 30) # 1)
       WHERE workspace_id = $1 AND provider = 'openai' AND $2::uuid IS NOT NULL`,
    );
    const refusal = await refusalOf(one.stored.find(mine.id, 'openai'));
    expect(refusal).toMatchObject({ code: 'UNAVAILABLE', fields: { provider: 'openai' } });
    expect(refusal.message).toContain('setProviderCredential');
    // Set again, it works again.
    await one.credentials.set(mine.principal, set('openai', 'key-of-mine-0004'));
    expect((await one.stored.find(mine.id, 'openai'))!.secret).toBe('key-of-mine-0004');
  });
});

describe('a rotation of ENCRYPTION_KEY', () => {
  test('seals every key anew, once; then the old root may go', async () => {
    const before = processWith(OLD);
    const workspaces = await Promise.all([1, 2, 3].map(() => harness.workspace(before.node)));
    for (const [index, { principal }] of workspaces.entries()) {
      await before.credentials.set(principal, set('elevenlabs', `key-of-workspace-${index}`));
    }
    const between = processWith(NEW, OLD);
    expect((await between.stored.find(workspaces[0]!.id, 'elevenlabs'))!.secret).toBe('key-of-workspace-0');
    // One that nobody can read any more: its root is gone.
    const lost = await harness.workspace(before.node);
    await processWith(root()).credentials.set(lost.principal, set('elevenlabs', 'sealed-with-a-lost-root'));

    const { rows } = await harness.database.query<{ count: number }>(
      'SELECT count(*)::integer AS count FROM provider_credentials',
    );
    const first = await reencryptProviderCredentials(harness.database, between.sealer);
    expect(first.unreadable).toEqual(
      expect.arrayContaining([expect.objectContaining({ workspaceId: lost.id, why: 'unknown-key' })]),
    );
    expect(first.upToDate).toBe(0);
    expect(first.reencrypted + first.unreadable.length).toBe(rows[0]!.count);
    const again = await reencryptProviderCredentials(harness.database, between.sealer);
    expect(again).toEqual({ reencrypted: 0, upToDate: first.reencrypted, unreadable: first.unreadable });

    const after = processWith(NEW);
    for (const [index, { id }] of workspaces.entries()) {
      expect((await after.stored.find(id, 'elevenlabs'))!.secret).toBe(`key-of-workspace-${index}`);
    }
    // A process that still knows both goes on, whatever it remembers.
    expect((await between.stored.find(workspaces[0]!.id, 'elevenlabs'))!.secret).toBe('key-of-workspace-0');
    expect(await refusalOf(before.stored.find(workspaces[1]!.id, 'elevenlabs'))).toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('leaves a key alone that is replaced meanwhile', async () => {
    const before = processWith(OLD);
    const { id, principal } = await harness.workspace(before.node);
    await before.credentials.set(principal, set('elevenlabs', 'the-old-key-1'));
    const between = processWith(NEW, OLD);
    let replaced = false;
    const racing = {
      query: (async (sql: string, parameters?: readonly unknown[]) => {
        if (sql.includes('UPDATE provider_credentials') && !replaced) {
          replaced = true;
          await between.credentials.set(principal, set('elevenlabs', 'the-new-key-2'));
        }
        return harness.database.query(sql, parameters);
      }) as typeof harness.database.query,
    };
    await reencryptProviderCredentials(racing, between.sealer);
    expect((await processWith(NEW, OLD).stored.find(id, 'elevenlabs'))!.secret).toBe('the-new-key-2');
  });
});
