import path from 'node:path';
import { z } from 'zod';
import { keptEncryptionKey } from './lib/kept-encryption-key';
import { Secret } from './lib/secret';
import * as value from './lib/setting-values';
import { shippedPriceBook } from './metering/shipped-price-books';

/** Of the first workspace where BOOTSTRAP_PLAN names none; a price book without it has a default plan of its own. */
export const DEFAULT_BOOTSTRAP_PLAN = 'free';

/** Every provider that the code knows; `FISH_AUDIO_API_KEY` belongs to `fish-audio`. */
export const PROVIDER_IDS = [
  'xtts',
  'local',
  'cartesia',
  'elevenlabs',
  'deepgram',
  'fish-audio',
  'resemble-ai',
  'inworld',
  'chatterbox',
  'pocket-tts',
  'kokoro',
  'qwen-tts',
  'openai',
  'mistral',
  'groq',
  'anthropic',
] as const;

export interface ProviderSettings {
  readonly apiKey?: Secret;
  /** Opens the provider's records of usage; serves no request. */
  readonly adminKey?: Secret;
  /** Scheme, host and port that take the place of the provider's own, without a path and a slash at the end. */
  readonly baseUrl?: string;
}

export interface StripeSettings {
  readonly secretKey: Secret;
  readonly webhookSecret: Secret;
  /** null: Stripe's own address. */
  readonly baseUrl: string | null;
}

export interface S3Settings {
  /** null: Amazon's own, by region. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
}

/** Everything that the environment says, checked. Safe to log: secrets show as `[secret]`. */
export interface Settings {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** Where clients reach the server, without a slash at the end. */
  readonly publicUrl: string;
  /** PUBLIC_URL was not set: with PORT=0 the true address is known only once the server listens. */
  readonly publicUrlIsDefault: boolean;
  /** Absolute. */
  readonly dataDirectory: string;
  /** null: the embedded PostgreSQL in `dataDirectory`. */
  readonly databaseUrl: Secret | null;
  /** null: DATABASE_URL, or the process itself, does what Redis would do. */
  readonly redisUrl: Secret | null;
  /** Absolute; null: the price book that comes with the code. */
  readonly priceBookFile: string | null;
  /** 32 bytes as base64, the root of all keys; older roots may follow after commas, see KeyRing. */
  readonly encryptionKey: Secret;
  readonly bootstrap: { readonly apiKey: Secret | null; readonly adminKey: Secret | null; readonly plan: string };
  /** Holds only providers with a setting. */
  readonly providers: Readonly<Record<string, ProviderSettings>>;
  /**
   * The same for providers that PROVIDER_MODULES brings, whose ids are known only when the modules have been loaded.
   * @throws SettingsError
   */
  readonly settingsOfProviders: (ids: readonly string[]) => Readonly<Record<string, ProviderSettings>>;
  readonly corsOrigins: 'any' | readonly string[];
  readonly audioRetentionDays: number;
  /** host:port, lower case. */
  readonly outboundAllow: readonly string[];
  readonly xttsCommercialUseConfirmed: boolean;
  /** Absolute paths of adapters outside this repository. */
  readonly providerModules: readonly string[];
  readonly logLevel: (typeof value.LOG_LEVELS)[number];
  readonly stripe: StripeSettings | null;
  readonly s3: S3Settings | null;
}

/** Thrown with every fault at once; no fault repeats the value of a secret. */
export class SettingsError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(
      `The settings have ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
    this.name = 'SettingsError';
  }
}

export interface ReadSettingsOptions {
  /** What relative paths in the settings are relative to. */
  readonly directory?: string;
}

const API_KEY = '_API_KEY';
const ADMIN_KEY = '_ADMIN_KEY';
const BASE_URL = '_BASE_URL';
const variableOf = (provider: string, ending: string): string => provider.toUpperCase().replaceAll('-', '_') + ending;

const schemaOfProviders = (ids: readonly string[]) =>
  z.object(
    Object.fromEntries(
      ids.flatMap(
        (provider): Array<[string, z.ZodType<Secret | string | undefined>]> => [
          [variableOf(provider, API_KEY), value.secret.optional()],
          [variableOf(provider, ADMIN_KEY), value.secret.optional()],
          [variableOf(provider, BASE_URL), value.origin.optional()],
        ],
      ),
    ),
  );
const providerSchema = schemaOfProviders(PROVIDER_IDS);

const schema = z.object({
  PORT: value.wholeNumber(0, 65_535).default(4000),
  // Nobody else reaches a server that was merely tried out; a container sets 0.0.0.0.
  HOST: value.host.default('127.0.0.1'),
  PUBLIC_URL: value.webAddress.optional(),
  DATA_DIR: value.filePath.default('.polyphony'),
  DATABASE_URL: value
    .addressWithSecret(['postgres:', 'postgresql:'], 'postgres://user:password@host:5432/database')
    .optional(),
  REDIS_URL: value.addressWithSecret(['redis:', 'rediss:'], 'redis://host:6379').optional(),
  PRICE_BOOK: value.readableFile.optional(),
  ENCRYPTION_KEY: value.encryptionKey.optional(),
  BOOTSTRAP_API_KEY: value.chosenKey.optional(),
  BOOTSTRAP_ADMIN_KEY: value.chosenKey.optional(),
  BOOTSTRAP_PLAN: value.planId.default(DEFAULT_BOOTSTRAP_PLAN),
  CORS_ORIGINS: value.origins.default('any'),
  AUDIO_RETENTION_DAYS: value.wholeNumber(1, 3_650).default(30),
  OUTBOUND_ALLOW: value.hostsWithPorts.default([]),
  XTTS_COMMERCIAL_USE: z
    .literal('confirmed', { error: 'write "confirmed" if you hold a commercial licence of XTTS v2, or leave it out' })
    .optional(),
  PROVIDER_MODULES: value.list.default([]),
  LOG_LEVEL: z.enum(value.LOG_LEVELS, { error: `write one of ${value.LOG_LEVELS.join(', ')}` }).default('info'),
  STRIPE_SECRET_KEY: value.secret.optional(),
  STRIPE_WEBHOOK_SECRET: value.secret.optional(),
  STRIPE_BASE_URL: value.origin.optional(),
  S3_ENDPOINT: value.webAddress.optional(),
  S3_REGION: value.word.default('us-east-1'),
  S3_BUCKET: value.word.optional(),
  S3_ACCESS_KEY_ID: value.word.optional(),
  S3_SECRET_ACCESS_KEY: value.secret.optional(),
});

type Environment = z.output<typeof schema>;

/**
 * Reads and checks every setting once. An empty variable counts as absent, an unknown one is ignored. On the embedded
 * database a missing ENCRYPTION_KEY is made and kept in DATA_DIR.
 *
 * @throws SettingsError that names every faulty variable and what to write.
 */
export function readSettings(environment: NodeJS.ProcessEnv, options: ReadSettingsOptions = {}): Settings {
  const directory = options.directory ?? process.cwd();
  const given = Object.fromEntries(
    Object.entries(environment)
      .map(([name, text]) => [name, text?.trim()] as const)
      .filter(([, text]) => text),
  );
  const priceBook =
    given.PRICE_BOOK && (shippedPriceBook(given.PRICE_BOOK) ?? path.resolve(directory, given.PRICE_BOOK));
  const parsed = schema.safeParse({ ...given, PRICE_BOOK: priceBook });
  const parsedProviders = providerSchema.safeParse(given);
  const issues = [...(parsed.error?.issues ?? []), ...(parsedProviders.error?.issues ?? [])];
  const faults = [...issues.map(faultOf), ...faultsBetween(given)];
  if (!parsed.success || !parsedProviders.success || faults.length > 0) throw new SettingsError(faults);

  const read = parsed.data;
  const dataDirectory = path.resolve(directory, read.DATA_DIR);
  return {
    port: read.PORT,
    host: read.HOST,
    publicUrl: read.PUBLIC_URL ?? `http://localhost:${read.PORT}`,
    publicUrlIsDefault: read.PUBLIC_URL === undefined,
    dataDirectory,
    databaseUrl: read.DATABASE_URL ?? null,
    redisUrl: read.REDIS_URL ?? null,
    priceBookFile: read.PRICE_BOOK ?? null,
    encryptionKey: read.ENCRYPTION_KEY ?? keptKey(dataDirectory),
    bootstrap: {
      apiKey: read.BOOTSTRAP_API_KEY ?? null,
      adminKey: read.BOOTSTRAP_ADMIN_KEY ?? null,
      plan: read.BOOTSTRAP_PLAN,
    },
    providers: providersOf(parsedProviders.data, PROVIDER_IDS),
    settingsOfProviders(ids) {
      const { data, error } = schemaOfProviders(ids).safeParse(given);
      if (error) throw new SettingsError(error.issues.map(faultOf));
      return providersOf(data, ids);
    },
    corsOrigins: read.CORS_ORIGINS,
    audioRetentionDays: read.AUDIO_RETENTION_DAYS,
    outboundAllow: read.OUTBOUND_ALLOW,
    xttsCommercialUseConfirmed: read.XTTS_COMMERCIAL_USE === 'confirmed',
    providerModules: read.PROVIDER_MODULES.map((module) => path.resolve(directory, module)),
    logLevel: read.LOG_LEVEL,
    stripe: stripeOf(read),
    s3: s3Of(read),
  };
}

const faultOf = (issue: z.core.$ZodIssue): string => `${issue.path.join('.')}: ${issue.message}.`;

/** Faults that lie in two variables together; they look at presence alone, and so are told beside all others. */
function faultsBetween(given: Readonly<Record<string, string | undefined>>): string[] {
  const faults: string[] = [];
  const needs = (name: string, because: string): void => {
    if (!given[name]) faults.push(`${name}: ${because}.`);
  };
  if (given.DATABASE_URL) {
    needs(
      'ENCRYPTION_KEY',
      'is required with DATABASE_URL, the same on every server; make one with: openssl rand -base64 32',
    );
  }
  if (given.STRIPE_SECRET_KEY)
    needs('STRIPE_WEBHOOK_SECRET', 'is required with STRIPE_SECRET_KEY, or no payment would be noticed');
  else if (given.STRIPE_WEBHOOK_SECRET || given.STRIPE_BASE_URL)
    needs('STRIPE_SECRET_KEY', 'is required with the other STRIPE_ settings');
  const s3 = ['S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'];
  if ([...s3, 'S3_ENDPOINT', 'S3_REGION'].some((name) => given[name])) {
    for (const name of s3) needs(name, 'is required with the other S3_ settings');
  }
  if (given.BOOTSTRAP_API_KEY && given.BOOTSTRAP_API_KEY === given.BOOTSTRAP_ADMIN_KEY) {
    faults.push('BOOTSTRAP_ADMIN_KEY: must not be the same as BOOTSTRAP_API_KEY.');
  }
  return faults;
}

function keptKey(dataDirectory: string): Secret {
  try {
    return new Secret(keptEncryptionKey(dataDirectory));
  } catch (error) {
    throw new SettingsError([
      `DATA_DIR: the encryption key cannot be kept there: ${(error as Error).message}. Make it writable, or set ENCRYPTION_KEY.`,
    ]);
  }
}

function providersOf(
  read: Readonly<Record<string, Secret | string | undefined>>,
  ids: readonly string[],
): Record<string, ProviderSettings> {
  const providers: Record<string, ProviderSettings> = {};
  for (const provider of ids) {
    const apiKey = read[variableOf(provider, API_KEY)] as Secret | undefined;
    const adminKey = read[variableOf(provider, ADMIN_KEY)] as Secret | undefined;
    const baseUrl = read[variableOf(provider, BASE_URL)] as string | undefined;
    const given = { ...(apiKey && { apiKey }), ...(adminKey && { adminKey }), ...(baseUrl && { baseUrl }) };
    if (Object.keys(given).length > 0) providers[provider] = given;
  }
  return providers;
}

function stripeOf(read: Environment): StripeSettings | null {
  if (!read.STRIPE_SECRET_KEY || !read.STRIPE_WEBHOOK_SECRET) return null;
  return {
    secretKey: read.STRIPE_SECRET_KEY,
    webhookSecret: read.STRIPE_WEBHOOK_SECRET,
    baseUrl: read.STRIPE_BASE_URL ?? null,
  };
}

function s3Of(read: Environment): S3Settings | null {
  if (!read.S3_BUCKET || !read.S3_ACCESS_KEY_ID || !read.S3_SECRET_ACCESS_KEY) return null;
  return {
    endpoint: read.S3_ENDPOINT ?? null,
    region: read.S3_REGION,
    bucket: read.S3_BUCKET,
    accessKeyId: read.S3_ACCESS_KEY_ID,
    secretAccessKey: read.S3_SECRET_ACCESS_KEY,
  };
}
