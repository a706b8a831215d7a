import type { Credential } from '../contract/credential';
import type { ProviderRequest } from '../contract/provider';
import type {
  CountedDay,
  CountedRequest,
  HttpUsageAdapter,
  UsageCallOptions,
  UsageQuery,
  UsageSource,
  UsageSpan,
} from '../contract/usage';
import { hiddenStrings, promisesDocument, refusalOf, refuseMalformedKey } from './answers';
import { Exchange } from './exchange';
import { type HttpProviderSettings, ProviderClient, settingName } from './provider-client';
import { rejected, unavailable } from './provider-failures';
import { type RetryClock, retry } from './retry';

export interface HttpUsageSettings extends HttpProviderSettings {
  /** Opens the account's records, where the key that serves requests does not. */
  readonly adminKey?: string;
  /** How waits between attempts are made and measured; the system's timers, when left out. */
  readonly clock?: RetryClock;
}

/** A page of a list may hold a thousand texts. */
const LIMITS = { firstByteTimeoutMs: 30_000, idleTimeoutMs: 30_000, bytesMax: 134_217_728 };
const ATTEMPTS_MAX = 4;
/** Milliseconds for one page with its repeats: a provider may ask to be left alone for a minute. */
const PAGE_DEADLINE_MS = 150_000;
/** Of one list. A thousand requests a page: what is longer must be asked for in shorter spans. */
export const USAGE_PAGES_MAX = 500;
/** Projects of one account. */
const ACCOUNTS_MAX = 50;

/**
 * Turns an adapter's declarations into a source: asks page by page, tries again what may pass, keeps the limits of size and
 * time, and maps every failure to a ProviderError. Throws TypeError when the base URL is unusable.
 */
export function httpUsageSource(adapter: HttpUsageAdapter, settings: HttpUsageSettings = {}): UsageSource {
  return new HttpUsageSource(adapter, settings);
}

class HttpUsageSource implements UsageSource {
  readonly configured: boolean;
  readonly listsRequests: boolean;
  readonly tellsSums: boolean;
  private readonly client: ProviderClient;
  private readonly credential: Credential;

  constructor(
    readonly declaration: HttpUsageAdapter,
    private readonly settings: HttpUsageSettings,
  ) {
    const key = settings.adminKey ?? (declaration.adminKey === 'REQUIRED' ? undefined : settings.apiKey);
    this.client = new ProviderClient(declaration, { ...settings, apiKey: key });
    this.credential = { source: 'PLATFORM', secret: key ?? null };
    this.configured = key !== undefined && this.client.platformCredential !== null;
    this.listsRequests = declaration.requests !== undefined;
    this.tellsSums = declaration.sums !== undefined;
  }

  async sums(span: UsageSpan, options: UsageCallOptions): Promise<readonly CountedDay[]> {
    const days: CountedDay[] = [];
    for (const account of await this.accounts(options)) {
      for (const query of this.declaration.sums ?? []) {
        await this.everyPage(query, span, account, options, (items) => days.push(...items));
      }
    }
    for (const { quantity } of days) if (!isQuantity(quantity)) throw this.unreadable();
    return days;
  }

  async requests(span: UsageSpan, options: UsageCallOptions): Promise<ReadonlyMap<string, CountedRequest>> {
    const { requests: query } = this.declaration;
    const listed = new Map<string, CountedRequest>();
    for (const account of query === undefined ? [] : await this.accounts(options)) {
      await this.everyPage(query!, span, account, options, (items) => {
        for (const item of items) {
          if (item.quantity !== null && !isQuantity(item.quantity)) throw this.unreadable();
          // Pages move while new requests come, so one may be on two of them.
          if (item.at >= span.start.getTime() && item.at < span.end.getTime()) listed.set(item.id, item);
        }
      });
    }
    return listed;
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  private async accounts({ signal }: UsageCallOptions): Promise<readonly string[]> {
    const { accounts } = this.declaration;
    if (accounts === undefined) return [''];
    const body = await this.document(accounts.request(this.credential), signal);
    const ids = this.reading(() => accounts.read(body));
    if (ids.length > ACCOUNTS_MAX) {
      throw rejected(this.declaration, `has more than the ${ACCOUNTS_MAX} projects that are followed under one key`);
    }
    return ids;
  }

  private async everyPage<Item>(
    query: UsageQuery<Item>,
    span: UsageSpan,
    account: string,
    { signal, onPage }: UsageCallOptions,
    take: (items: readonly Item[]) => void,
  ): Promise<void> {
    const seen = new Set<string>();
    let cursor: string | null = null;
    for (let pages = 1; pages <= USAGE_PAGES_MAX; pages++) {
      const at: string | null = cursor;
      const body = await this.document(query.request(span, at, this.credential, account), signal);
      const { items, next }: ReturnType<typeof query.page> = this.reading(() => query.page(body, span, at));
      take(items);
      onPage?.(pages);
      if (next === null) return;
      // A cursor that comes back would be followed in a circle, and what was left out would show as a difference.
      if (seen.has(next)) throw rejected(this.declaration, 'led its list of usage back to a page that it had given');
      seen.add(next);
      cursor = next;
    }
    throw rejected(
      this.declaration,
      `lists more than the ${USAGE_PAGES_MAX} pages of usage that are followed; ask for a shorter span`,
    );
  }

  /** A whole answer, parsed. @throws ProviderError */
  private document(request: ProviderRequest, signal: AbortSignal): Promise<unknown> {
    const { declaration: adapter, credential } = this;
    if (!this.configured) {
      const setting = settingName(adapter.provider, adapter.adminKey === 'REQUIRED' ? 'ADMIN_KEY' : 'API_KEY');
      throw rejected(adapter, `is asked for its usage only where ${setting} is set`);
    }
    refuseMalformedKey(adapter, credential);
    const { clock } = this.settings;
    return retry(() => this.once(request, signal), {
      attemptsMax: ATTEMPTS_MAX,
      deadlineMs: PAGE_DEADLINE_MS,
      signal,
      ...(clock && { clock }),
    });
  }

  private async once(request: ProviderRequest, signal: AbortSignal): Promise<unknown> {
    const { declaration: adapter, credential } = this;
    const exchange = new Exchange(adapter, LIMITS, signal, promisesDocument);
    if (!(await this.client.send(exchange, request))) {
      throw await refusalOf(exchange, adapter, hiddenStrings(credential, []));
    }
    const pieces: Uint8Array[] = [];
    for await (const piece of exchange) pieces.push(piece);
    try {
      return JSON.parse(Buffer.concat(pieces).toString('utf8'));
    } catch {
      throw unavailable(adapter, 'answered with something other than the JSON that was asked for', undefined, 200);
    }
  }

  private reading<T>(read: () => T): T {
    try {
      return read();
    } catch {
      // A reader's complaint may quote the document, so it is not kept.
      throw this.unreadable();
    }
  }

  private unreadable(): Error {
    return rejected(this.declaration, 'answered its usage in a form that is not its documented one', 200);
  }
}

const isQuantity = (quantity: number): boolean => Number.isFinite(quantity) && quantity >= 0;
