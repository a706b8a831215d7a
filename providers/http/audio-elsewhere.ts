import type { CallOptions } from '../contract/provider';
import type { HttpSpeechAdapter } from '../contract/tts';
import { promisesAudio } from './answers';
import { Exchange } from './exchange';
import type { ProviderClient } from './provider-client';
import { rejected, unavailable } from './provider-failures';

/**
 * Begins to fetch audio from the address that an answer names. Only hosts that the adapter declares are asked, over https and
 * without the key; a base URL setting takes the place of these hosts too. Redirects are not followed. Such addresses carry
 * signatures, so no error quotes one, or what it answered. @throws ProviderError
 */
export async function fetchAudio(
  address: string,
  adapter: HttpSpeechAdapter,
  client: ProviderClient,
  options: CallOptions,
): Promise<AsyncIterableIterator<Uint8Array>> {
  const url = URL.canParse(address) ? new URL(address) : null;
  // Some providers write http where https is served as well.
  if (url?.protocol === 'http:' && !client.replacesHosts) url.protocol = 'https:';
  if (url === null || !(client.replacesHosts || isDeclared(url, adapter.audioHosts ?? []))) {
    throw rejected(adapter, 'named an address for its audio that is not one of its own');
  }
  const exchange = new Exchange(adapter, options, options.signal, promisesAudio);
  const request = { method: 'GET', origin: url.origin, path: url.pathname + url.search, headers: {} } as const;
  if (await client.send(exchange, request)) return exchange;
  const { status } = exchange;
  void exchange.return();
  if (status >= 300 && status < 400) {
    throw rejected(adapter, 'named an address for its audio that redirects, and redirects are not followed', status);
  }
  if (status < 300) throw rejected(adapter, 'named an address for its audio that holds none', status);
  throw unavailable(adapter, `named an address for its audio that answered with HTTP ${status}`, undefined, status);
}

function isDeclared(url: URL, hosts: readonly string[]): boolean {
  if (url.protocol !== 'https:' || url.port !== '' || url.username !== '' || url.password !== '') return false;
  return hosts.some((host) => (host.startsWith('*.') ? url.hostname.endsWith(host.slice(1)) : url.hostname === host));
}
