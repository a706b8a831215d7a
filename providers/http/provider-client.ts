import { Agent, type Dispatcher, Pool } from 'undici';
import { type Credential, NO_CREDENTIAL } from '../contract/credential';
import { ProviderError } from '../contract/errors';
import type { BytesSource, HttpEndpoint, ProviderRequest } from '../contract/provider';
import { type BaseUrl, parseBaseUrl } from './base-url';
import type { Exchange } from './exchange';
import { multipartForm, safeMediaType } from './multipart';

export interface HttpProviderSettings {
  /** Takes the place of scheme, host and port of the documented address; a path is kept as a prefix. */
  readonly baseUrl?: string;
  /** The platform's own key. */
  readonly apiKey?: string;
  /** Sends the requests instead of a pool of this provider's own; who passes one closes it. */
  readonly dispatcher?: Dispatcher;
}

/** Where the settings that a message names come from: provider `fish-audio` reads FISH_AUDIO_BASE_URL. */
export function settingName(provider: string, suffix: 'API_KEY' | 'ADMIN_KEY' | 'BASE_URL'): string {
  return `${provider.toUpperCase().replaceAll('-', '_')}_${suffix}`;
}

/** The way to one provider's address with the platform's settings for it, whatever is asked of it. */
export class ProviderClient {
  /** The platform's own; null where it has none and the provider needs one, or where there is no address. */
  readonly platformCredential: Credential | null;
  /** A base URL was set: it takes the place of every host of the provider. */
  readonly replacesHosts: boolean;
  private readonly baseUrl: BaseUrl | null;
  private readonly dispatcher: Dispatcher | null;
  private readonly ownsDispatcher: boolean;
  /** For hosts beside the base URL's; made when the first of them is asked. */
  private otherHosts: Agent | null = null;

  /** Throws TypeError when the base URL is unusable. */
  constructor(
    private readonly endpoint: HttpEndpoint,
    settings: HttpProviderSettings,
  ) {
    this.replacesHosts = settings.baseUrl !== undefined;
    const address = settings.baseUrl ?? endpoint.defaultBaseUrl;
    this.baseUrl = address === null ? null : parseBaseUrl(address, settingName(endpoint.provider, 'BASE_URL'));
    this.platformCredential = this.baseUrl === null ? null : platformCredential(endpoint, settings.apiKey || null);
    this.ownsDispatcher = settings.dispatcher === undefined && this.baseUrl !== null;
    // As many connections as there are calls, one call each: a call must never wait behind another's audio.
    this.dispatcher =
      settings.dispatcher ??
      (this.baseUrl === null ? null : new Pool(this.baseUrl.origin, { connections: null, pipelining: 1 }));
  }

  /** Sends a request through an exchange; see Exchange.send. @throws ProviderError where there is no address. */
  async send(exchange: Exchange, request: ProviderRequest): Promise<boolean> {
    const { endpoint, dispatcher, baseUrl } = this;
    if (dispatcher === null || baseUrl === null) {
      throw new ProviderError({
        provider: endpoint.provider,
        kind: 'UNAVAILABLE',
        message: `${endpoint.name} has no address here. Set ${settingName(endpoint.provider, 'BASE_URL')} to that of your server.`,
        retryable: false,
      });
    }
    const body = bodyOf(request);
    const address = this.addressOf(request, dispatcher, baseUrl);
    const options: Dispatcher.DispatchOptions = {
      origin: address.origin,
      path: address.path,
      method: request.method,
      headers: { 'user-agent': 'polyphony', 'accept-encoding': 'identity', ...body.headers, ...request.headers },
      body: body.text,
    };
    return exchange.send(address.dispatcher, options, body.upload);
  }

  async close(): Promise<void> {
    if (this.ownsDispatcher) await this.dispatcher?.destroy();
    await this.otherHosts?.destroy();
  }

  /** Where a request goes: a host of its own is asked through a pool of its own, unless the setting replaces it. */
  private addressOf(
    { origin, path }: ProviderRequest,
    dispatcher: Dispatcher,
    baseUrl: BaseUrl,
  ): { readonly dispatcher: Dispatcher; readonly origin: string; readonly path: string } {
    // A complete address at the base URL's own host has the prefix already.
    if (origin === baseUrl.origin) return { dispatcher, origin, path };
    if (origin === undefined || this.replacesHosts) {
      return { dispatcher, origin: baseUrl.origin, path: baseUrl.pathPrefix + path };
    }
    if (!this.ownsDispatcher) return { dispatcher, origin, path };
    this.otherHosts ??= new Agent({ connections: null, pipelining: 1 });
    return { dispatcher: this.otherHosts, origin, path };
  }
}

interface RequestBody {
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string | null;
  /** A body that is read while it is sent. */
  readonly upload: BytesSource | null;
}

function bodyOf(request: ProviderRequest): RequestBody {
  if (request.json !== undefined) {
    return { headers: { 'content-type': 'application/json' }, text: JSON.stringify(request.json), upload: null };
  }
  const upload = request.form === undefined ? (request.bytes ?? null) : multipartForm(request.form);
  if (upload === null) return { headers: {}, text: null, upload: null };
  const type = request.form === undefined ? safeMediaType(upload.contentType) : upload.contentType;
  return { headers: { 'content-type': type, 'content-length': String(upload.sizeBytes) }, text: null, upload };
}

function platformCredential(endpoint: HttpEndpoint, apiKey: string | null): Credential | null {
  if (apiKey !== null) return { source: 'PLATFORM', secret: apiKey };
  return endpoint.keyRequired ? null : NO_CREDENTIAL;
}
