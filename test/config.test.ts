import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { PROVIDER_IDS, readSettings, type Settings, SettingsError } from '../src/config';

const KEY = Buffer.alloc(32, 7).toString('base64');

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(realpathSync(os.tmpdir()), 'polyphony-config-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const read = (environment: NodeJS.ProcessEnv): Settings => readSettings(environment, { directory });

function faultsOf(environment: NodeJS.ProcessEnv): readonly string[] {
  try {
    read(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as SettingsError).faults;
  }
  return [];
}

test('no setting at all gives a server on this machine alone with the embedded database', () => {
  const { encryptionKey, settingsOfProviders, ...rest } = read({});
  expect(encryptionKey.reveal()).toHaveLength(44);
  expect(settingsOfProviders(['acme'])).toEqual({});
  expect(rest).toEqual({
    port: 4000,
    host: '127.0.0.1',
    publicUrl: 'http://localhost:4000',
    publicUrlIsDefault: true,
    dataDirectory: path.join(directory, '.polyphony'),
    databaseUrl: null,
    redisUrl: null,
    priceBookFile: null,
    bootstrap: { apiKey: null, adminKey: null, plan: 'free' },
    providers: {},
    corsOrigins: 'any',
    audioRetentionDays: 30,
    outboundAllow: [],
    xttsCommercialUseConfirmed: false,
    providerModules: [],
    logLevel: 'info',
    stripe: null,
    s3: null,
  });
});

test('every setting arrives where it belongs', () => {
  writeFileSync(path.join(directory, 'book.json'), '{}');
  const settings = read({
    PORT: '8080',
    HOST: '0.0.0.0',
    PUBLIC_URL: 'https://voice.example.com/api/',
    DATA_DIR: 'data',
    DATABASE_URL: 'postgres://u:p%40ss@db:5432/app?sslmode=verify-full',
    REDIS_URL: 'rediss://cache:6380/1',
    PRICE_BOOK: 'book.json',
    ENCRYPTION_KEY: KEY,
    BOOTSTRAP_API_KEY: 'k'.repeat(20),
    BOOTSTRAP_ADMIN_KEY: 'a'.repeat(20),
    BOOTSTRAP_PLAN: 'scale',
    CORS_ORIGINS: 'https://a.example.com, http://localhost:3000/',
    AUDIO_RETENTION_DAYS: '7',
    OUTBOUND_ALLOW: '10.0.0.5:8000, [::1]:9000,Engine.local:80',
    XTTS_COMMERCIAL_USE: 'confirmed',
    PROVIDER_MODULES: './mine.js,/opt/theirs.js',
    LOG_LEVEL: 'debug',
    STRIPE_SECRET_KEY: 'sk',
    STRIPE_WEBHOOK_SECRET: 'wh',
    STRIPE_BASE_URL: 'http://127.0.0.1:12111/',
    S3_ENDPOINT: 'http://minio:9000',
    S3_REGION: 'eu-central-1',
    S3_BUCKET: 'audio',
    S3_ACCESS_KEY_ID: 'id',
    S3_SECRET_ACCESS_KEY: 'sak',
  });
  expect(settings).toMatchObject({
    port: 8080,
    host: '0.0.0.0',
    publicUrl: 'https://voice.example.com/api',
    publicUrlIsDefault: false,
    dataDirectory: path.join(directory, 'data'),
    priceBookFile: path.join(directory, 'book.json'),
    bootstrap: { plan: 'scale' },
    corsOrigins: ['https://a.example.com', 'http://localhost:3000'],
    audioRetentionDays: 7,
    outboundAllow: ['10.0.0.5:8000', '[::1]:9000', 'engine.local:80'],
    xttsCommercialUseConfirmed: true,
    providerModules: [path.join(directory, 'mine.js'), '/opt/theirs.js'],
    logLevel: 'debug',
    stripe: { baseUrl: 'http://127.0.0.1:12111' },
    s3: { endpoint: 'http://minio:9000', region: 'eu-central-1', bucket: 'audio', accessKeyId: 'id' },
  });
  expect(settings.databaseUrl?.reveal()).toBe('postgres://u:p%40ss@db:5432/app?sslmode=verify-full');
  expect(settings.redisUrl?.reveal()).toBe('rediss://cache:6380/1');
  expect(settings.encryptionKey.reveal()).toBe(KEY);
  expect(settings.bootstrap.apiKey?.reveal()).toBe('k'.repeat(20));
  expect(settings.bootstrap.adminKey?.reveal()).toBe('a'.repeat(20));
  expect(settings.stripe?.secretKey.reveal()).toBe('sk');
  expect(settings.stripe?.webhookSecret.reveal()).toBe('wh');
  expect(settings.s3?.secretAccessKey.reveal()).toBe('sak');
});

test.each(PROVIDER_IDS)('the keys and the address of %s are read under its own name', (provider) => {
  const name = provider.toUpperCase().replace(/-/g, '_');
  const { providers } = read({
    [`${name}_API_KEY`]: 'secret',
    [`${name}_ADMIN_KEY`]: 'opens-records',
    [`${name}_BASE_URL`]: 'http://127.0.0.1:9999/',
  });
  expect(Object.keys(providers)).toEqual([provider]);
  expect(providers[provider]?.apiKey?.reveal()).toBe('secret');
  expect(providers[provider]?.adminKey?.reveal()).toBe('opens-records');
  expect(JSON.stringify(providers)).not.toMatch(/secret"|opens-records/);
  expect(providers[provider]?.baseUrl).toBe('http://127.0.0.1:9999');
});

test('a provider of a module has its settings by the same rules, once its id is known', () => {
  const settings = read({
    ACME_SPEECH_API_KEY: 'secret',
    ACME_SPEECH_BASE_URL: 'http://10.0.0.9:1/',
    FOO_BASE_URL: 'x',
  });
  const { 'acme-speech': acme, ...others } = settings.settingsOfProviders(['acme-speech', 'other']);
  expect([acme?.apiKey?.reveal(), acme?.baseUrl, others]).toEqual(['secret', 'http://10.0.0.9:1', {}]);
  expect(() => settings.settingsOfProviders(['foo'])).toThrow(/FOO_BASE_URL: write scheme, host and port alone/);
});

test('empty and blank variables count as absent, unknown ones are ignored', () => {
  expect(read({ PORT: '', HOST: '  ', DATABASE_URL: '', ENCRYPTION_KEY: '', POTR: 'nonsense' }).port).toBe(4000);
});

const FAULTY: ReadonlyArray<readonly [string, string]> = [
  ['PORT', '70000'],
  ['PORT', '-1'],
  ['PORT', '4e3'],
  ['PORT', '0x10'],
  ['HOST', 'localhost:4000'],
  ['HOST', 'http://localhost'],
  ['PUBLIC_URL', 'voice.example.com'],
  ['PUBLIC_URL', 'https://user:hunter2@voice.example.com'],
  ['PUBLIC_URL', 'ftp://voice.example.com'],
  ['DATABASE_URL', 'mysql://u:hunter2@db/app'],
  ['DATABASE_URL', 'hunter2'],
  ['REDIS_URL', 'cache:6379'],
  ['PRICE_BOOK', 'no-such-book.json'],
  ['PRICE_BOOK', '.'],
  ['ENCRYPTION_KEY', 'hunter2'],
  ['ENCRYPTION_KEY', Buffer.alloc(31).toString('base64')],
  ['ENCRYPTION_KEY', `${KEY}!`],
  ['ENCRYPTION_KEY', Buffer.alloc(32).toString('hex')],
  ['ENCRYPTION_KEY', `${KEY},hunter2`],
  ['ENCRYPTION_KEY', `${KEY},`],
  ['ENCRYPTION_KEY', `${KEY},${KEY}`],
  ['BOOTSTRAP_API_KEY', 'hunter2'],
  ['BOOTSTRAP_API_KEY', 'k'.repeat(20).concat('\u0007')],
  ['BOOTSTRAP_ADMIN_KEY', 'hunter2'],
  ['BOOTSTRAP_PLAN', 'No Plan'],
  ['CORS_ORIGINS', 'https://a.example.com/path'],
  ['CORS_ORIGINS', 'a.example.com'],
  ['CORS_ORIGINS', ','],
  ['AUDIO_RETENTION_DAYS', '0'],
  ['AUDIO_RETENTION_DAYS', '1.5'],
  ['OUTBOUND_ALLOW', '10.0.0.5'],
  ['OUTBOUND_ALLOW', '10.0.0.5:99999'],
  ['OUTBOUND_ALLOW', 'http://10.0.0.5:80'],
  ['XTTS_COMMERCIAL_USE', 'yes'],
  ['LOG_LEVEL', 'loud'],
  ['ELEVENLABS_API_KEY', 'hunter2 hunter2'],
  ['OPENAI_BASE_URL', 'https://api.openai.com/v1'],
  ['KOKORO_BASE_URL', 'localhost:8880'],
  ['STRIPE_BASE_URL', 'stripe'],
  ['S3_ENDPOINT', 'minio:9000'],
];

test.each(FAULTY)('%s=%s is a fault that names the variable, says what to write and repeats no value', (name, text) => {
  const fault = faultsOf({ ENCRYPTION_KEY: KEY, [name]: text }).find((one) => one.startsWith(`${name}: `));
  expect(fault).toMatch(/: (write|must)/);
  expect(fault).not.toContain('hunter2');
});

test('ENCRYPTION_KEY may name older keys behind the newest', () => {
  const older = Buffer.alloc(32, 9).toString('base64');
  expect(read({ ENCRYPTION_KEY: `${KEY}, ${older}` }).encryptionKey.reveal()).toBe(`${KEY},${older}`);
});

test('all faults are reported together', () => {
  const wrong = new Map(FAULTY);
  const names = faultsOf(Object.fromEntries(wrong)).map((fault) => fault.split(':')[0]);
  expect(names).toEqual(expect.arrayContaining([...wrong.keys()]));
});

test.each<[string, NodeJS.ProcessEnv, string]>([
  ['DATABASE_URL without ENCRYPTION_KEY', { DATABASE_URL: 'postgres://db/app' }, 'ENCRYPTION_KEY'],
  ['STRIPE_SECRET_KEY alone', { STRIPE_SECRET_KEY: 'sk' }, 'STRIPE_WEBHOOK_SECRET'],
  ['STRIPE_WEBHOOK_SECRET alone', { STRIPE_WEBHOOK_SECRET: 'wh' }, 'STRIPE_SECRET_KEY'],
  ['S3_BUCKET without its keys', { S3_BUCKET: 'b', S3_ACCESS_KEY_ID: 'i' }, 'S3_SECRET_ACCESS_KEY'],
  ['S3_ENDPOINT alone', { S3_ENDPOINT: 'http://minio:9000' }, 'S3_BUCKET'],
  [
    'one key for the customer and the operator',
    { BOOTSTRAP_API_KEY: 'k'.repeat(20), BOOTSTRAP_ADMIN_KEY: 'k'.repeat(20) },
    'BOOTSTRAP_ADMIN_KEY',
  ],
])('%s is a fault of %s', (_, environment, name) => {
  expect(faultsOf(environment).some((fault) => fault.startsWith(`${name}: `))).toBe(true);
});

test('no secret shows in logs, JSON, templates or inspection', () => {
  const settings = read({
    ENCRYPTION_KEY: KEY,
    DATABASE_URL: 'postgres://u:hunter2@db/app',
    REDIS_URL: 'redis://:hunter2@cache',
    BOOTSTRAP_API_KEY: 'hunter2'.repeat(3),
    BOOTSTRAP_ADMIN_KEY: 'hunter2'.repeat(4),
    GROQ_API_KEY: 'hunter2',
    STRIPE_SECRET_KEY: 'hunter2',
    STRIPE_WEBHOOK_SECRET: 'hunter2',
    S3_BUCKET: 'b',
    S3_ACCESS_KEY_ID: 'i',
    S3_SECRET_ACCESS_KEY: 'hunter2',
  });
  const shown = [
    JSON.stringify(settings),
    inspect(settings, { depth: 9, showHidden: true }),
    `${settings.databaseUrl} ${settings.encryptionKey}`,
    String(Object.values(settings)),
  ].join('\n');
  expect(shown).toContain('[secret]');
  expect(shown).not.toContain('hunter2');
  expect(shown).not.toContain(KEY);
});

describe('the encryption key of the embedded default', () => {
  const file = (): string => path.join(directory, '.polyphony', 'encryption.key');

  test('is made once, kept, and readable by its owner alone', () => {
    const first = read({}).encryptionKey.reveal();
    expect(read({}).encryptionKey.reveal()).toBe(first);
    expect(readFileSync(file(), 'utf8').trim()).toBe(first);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file())).mode & 0o777).toBe(0o700);
  });

  test('differs from one directory to the next', () => {
    expect(read({ DATA_DIR: 'a' }).encryptionKey.reveal()).not.toBe(read({ DATA_DIR: 'b' }).encryptionKey.reveal());
  });

  test('is not made when a setting is wrong or names one', () => {
    expect(faultsOf({ PORT: 'x' })).toHaveLength(1);
    read({ ENCRYPTION_KEY: KEY });
    expect(() => statSync(file())).toThrow('ENOENT');
  });

  test('is never replaced when it is damaged', () => {
    read({});
    chmodSync(file(), 0o600);
    writeFileSync(file(), 'half a ke');
    expect(faultsOf({})[0]).toContain('restore it from a backup');
    expect(readFileSync(file(), 'utf8')).toBe('half a ke');
  });

  test('that cannot be kept is a fault that says what to do', () => {
    writeFileSync(path.join(directory, 'file'), '');
    expect(faultsOf({ DATA_DIR: 'file/inside' })[0]).toMatch(/^DATA_DIR: .*set ENCRYPTION_KEY/);
  });
});
