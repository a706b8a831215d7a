/** Where a provider is reached: an origin for the connection pool and a prefix for every documented path. */
export interface BaseUrl {
  /** Scheme, host and port. */
  readonly origin: string;
  /** '' or '/prefix', never with a trailing slash. */
  readonly pathPrefix: string;
}

/**
 * Reads a base URL. Scheme, host and port take the place of the documented ones; a path is kept as a prefix, so that a
 * provider can stand behind a gateway. Throws TypeError, naming the setting but never its value (it may hold a
 * password), when it is not an absolute http or https URL, or carries user info, a query or a fragment.
 */
export function parseBaseUrl(value: string, settingName: string): BaseUrl {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    throw new TypeError(`${settingName} is not a URL. Write it like https://host or http://host:8880.`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TypeError(`${settingName} must begin with http:// or https://.`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new TypeError(`${settingName} must be scheme, host, port and path alone, without user, query or fragment.`);
  }
  return { origin: url.origin, pathPrefix: url.pathname.replace(/\/+$/, '') };
}
