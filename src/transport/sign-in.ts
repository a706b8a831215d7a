import type { Authenticator } from '../identity/authenticator';
import type { Principal } from '../identity/principal';
import { originAllowed } from '../identity/rights';
import { AppError, badInput } from '../lib/errors';
import { failedSignInWindow, rateLimited } from '../limits/request-limits';
import type { RequestWindows } from '../limits/request-windows';

export interface SignInDependencies {
  readonly authenticator: Authenticator;
  readonly windows: RequestWindows;
  /** Header name in lower case to provider id. */
  readonly keyHeaders: ReadonlyMap<string, string>;
}

const KEY_HEADER_PREFIX = 'x-provider-key-';
const OWN_KEY = /^[\x21-\x7e]{1,512}$/;
const NO_KEYS: ReadonlyMap<string, string> = new Map();

/** Who sends a request, from its headers or from the parameters of its socket. */
export class SignIn {
  constructor(private readonly dependencies: SignInDependencies) {}

  /**
   * null without a credential: some queries need none.
   * @throws AppError UNAUTHENTICATED, FORBIDDEN (a web origin that the token is not for) or RATE_LIMITED (guessing).
   */
  async principal(authorization: unknown, origin: string | undefined, address: string): Promise<Principal | null> {
    if (authorization === undefined || authorization === null || authorization === '') return null;
    const secret = bearer(authorization);
    try {
      if (!secret)
        throw new AppError('UNAUTHENTICATED', 'Send an API key or a client token as "Authorization: Bearer <secret>".');
      const principal = await this.dependencies.authenticator.authenticate(secret);
      if (!originAllowed(principal, origin)) {
        throw new AppError('FORBIDDEN', 'This client token is not for this web origin; ask for one that names it.');
      }
      return principal;
    } catch (error) {
      if (error instanceof AppError && error.code === 'UNAUTHENTICATED') await this.countFailure(address);
      throw error;
    }
  }

  /** Own provider keys, by provider id. Names without regard to case. */
  ownKeys(values: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
    let keys: Map<string, string> | null = null;
    for (const name in values) {
      if (
        name.length <= KEY_HEADER_PREFIX.length ||
        name.slice(0, KEY_HEADER_PREFIX.length).toLowerCase() !== KEY_HEADER_PREFIX
      )
        continue;
      const header = name.toLowerCase();
      const provider = this.dependencies.keyHeaders.get(header);
      if (!provider) {
        throw badInput(
          header,
          `No provider takes the header ${header}; Provider.keyHeader names those that there are.`,
        );
      }
      const value = values[name];
      if (typeof value !== 'string' || !OWN_KEY.test(value.trim())) {
        throw badInput(header, `${header} takes one provider key of at most 512 printable characters.`);
      }
      keys ??= new Map();
      keys.set(provider, value.trim());
    }
    return keys ?? NO_KEYS;
  }

  private async countFailure(address: string): Promise<void> {
    const decision = await this.dependencies.windows.admit([failedSignInWindow(address, 1)]);
    if (!decision.admitted) throw rateLimited(decision.retryAfterSeconds);
  }
}

function bearer(authorization: unknown): string | null {
  if (typeof authorization !== 'string') return null;
  const match = /^bearer +(\S+) *$/i.exec(authorization);
  return match ? match[1]! : null;
}
