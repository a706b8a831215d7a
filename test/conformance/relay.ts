import { request as send } from 'undici';
import type { AnswerFunction } from '../../providers/conformance';
import { type ProviderStub, startProviderStub } from '../support/provider-stub';

/** Of one connection, not of the message. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host', 'date', 'content-length']);

/** Providers whose paths meet with those of others. */
const ALONE = new Set(['chatterbox', 'pocket-tts', 'xtts']);

export interface Relay {
  readonly answer: AnswerFunction;
  close(): Promise<void>;
}

/** Lets the stand-ins of the other tests answer in the suite's place, so that the suite can play with their answers. */
export async function startRelay(provider: string): Promise<Relay> {
  const stub: ProviderStub = await startProviderStub(ALONE.has(provider) ? { only: provider } : {});
  return {
    close: () => stub.close(),
    async answer({ method, path, query, headers, body }) {
      const search = query.size > 0 ? `?${query}` : '';
      const response = await send(`${stub.url}${path}${search}`, {
        method: method as 'GET' | 'POST',
        headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name))),
        body: body.length > 0 ? body : null,
      });
      return {
        status: response.statusCode,
        headers: Object.fromEntries(
          Object.entries(response.headers)
            .filter(([name]) => !HOP_BY_HOP.has(name))
            .map(([name, value]) => [name, String(value)]),
        ),
        body: Buffer.from(await response.body.arrayBuffer()),
      };
    },
  };
}
