import { type Dispatcher, Pool } from 'undici';
import { type Credential, NO_CREDENTIAL } from '../contract/credential';
import { ProviderError } from '../contract/errors';
import type { HttpEndpoint, ProviderRequest } from '../contract/provider';
import { type BaseUrl, parseBaseUrl } from './base-url';
import type { Exchange } from './exchange';

export interface HttpProviderSettings {
  /** Takes the place of scheme, host and port of the documented address; a path is kept as a prefix. */
  readonly baseUrl?: string;
  /** The platform's own key. */
  readonly apiKey?: string;
  /** Sends the requests instead of a pool of this provider's own; who passes one closes it. */
  readonly dispatcher?: Dispatcher;
}

/** Where the settings that a message names come from: provider `fish-audio` reads FISH_AUDIO_BASE_URL. */
export function settingName(provider: string, suffix: 'API_KEY' | 'BASE_URL'): string {
  return `${provider.toUpperCase().replaceAll('-', '_')}_${suffix}`;
}

/** The way to one provider's address with the platform's settings for it, whatever is asked of it. */
export class ProviderClient {
  /** The platform's own; null where it has none and the provider needs one, or where there is no address. */
  readonly platformCredential: Credential | null;
  private readonly baseUrl: BaseUrl | null;
  private readonly dispatcher: Dispatcher | null;
  private readonly ownsDispatcher: boolean;

  /** Throws TypeError when the base URL is unusable. */
  constructor(
    private readonly endpoint: HttpEndpoint,
    settings: HttpProviderSettings,
  ) {
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
    const hasBody = request.json !== undefined;
    return exchange.send(dispatcher, {
      origin: baseUrl.origin,
      path: baseUrl.pathPrefix + request.path,
      method: request.method,
      headers: {
        'user-agent': 'polyphony',
        'accept-encoding': 'identity',
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
        ...request.headers,
      },
      body: hasBody ? JSON.stringify(request.json) : null,
    });
  }

  async close(): Promise<void> {
    if (this.ownsDispatcher) await this.dispatcher?.destroy();
  }
}

function platformCredential(endpoint: HttpEndpoint, apiKey: string | null): Credential | null {
  if (apiKey !== null) return { source: 'PLATFORM', secret: apiKey };
  return endpoint.keyRequired ? null : NO_CREDENTIAL;
}
