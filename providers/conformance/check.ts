import assert from 'node:assert/strict';
import { type Credential, NO_CREDENTIAL } from '../contract/credential';
import { ProviderError, type ProviderErrorKind } from '../contract/errors';
import type { CallOptions, HttpEndpoint, ModelDeclaration } from '../contract/provider';
import { type AnswerFunction, type StandIn, type StandInRequest, startStandIn } from './stand-in';

/** One guarantee. `run` rejects where it does not hold; give both to any test runner. */
export interface Check {
  readonly name: string;
  run(): Promise<void>;
}

/** An error that the provider's documents name, as it lies on the wire, and what it has to become. */
export interface DocumentedError {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, a string as text. */
  readonly body: unknown;
  readonly kind: ProviderErrorKind;
  readonly retryable: boolean;
  readonly providerCode?: string;
}

/** What every suite needs to know. */
export interface ConformanceOptions {
  /** Stands in for the provider. */
  readonly answer: AnswerFunction;
  readonly errors?: readonly DocumentedError[];
  /** Which requests are calls, and not lists or files that belong to one. Left out: those of POST. */
  readonly isCall?: (request: StandInRequest) => boolean;
  /** Milliseconds after which what does not come has failed. Left out: a minute. */
  readonly patienceMs?: number;
}

/** A key that the stand-in has to take, and that nothing but its header may ever show. */
export const CONFORMANCE_KEY = 'conformance-key-4cc1f0e0a7d64a25';

/** Something that never comes would hang a suite: after this it is a failure. No check proves anything by its speed. */
const PATIENCE_MS = 60_000;

/** How long the stalled provider of a check is waited for. */
const SHORT_MS = 250;

/** A model that its provider has stopped serving is declared for its successor's sake, and answered with a refusal. */
export function isServed({ retiredAt }: ModelDeclaration): boolean {
  return retiredAt === undefined || Date.parse(retiredAt) > Date.now();
}

export function credentialFor(endpoint: { readonly keyRequired?: boolean }): Credential {
  return endpoint.keyRequired === true ? { source: 'PLATFORM', secret: CONFORMANCE_KEY } : NO_CREDENTIAL;
}

export function callOptions(credential: Credential, changes: Partial<CallOptions> = {}): CallOptions {
  return {
    credential,
    signal: new AbortController().signal,
    firstByteTimeoutMs: PATIENCE_MS,
    idleTimeoutMs: PATIENCE_MS,
    bytesMax: 256 * 1024 * 1024,
    ...changes,
  };
}

/** Runs work against a stand-in of its own, and no longer than patience lasts. */
export async function withStandIn(
  { answer, patienceMs }: Pick<ConformanceOptions, 'answer' | 'patienceMs'>,
  work: (standIn: StandIn) => Promise<void>,
): Promise<void> {
  const standIn = await startStandIn(answer);
  try {
    await patiently(work(standIn), patienceMs);
  } finally {
    await standIn.close();
  }
}

export async function patiently<T>(work: Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('what was waited for did not come')), patienceMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The ProviderError that a promise must end with. */
export async function failureOf(work: Promise<unknown>): Promise<ProviderError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof ProviderError, `it failed with ${String(error)}, which is no ProviderError`);
    return error;
  }
  assert.fail('it did not fail');
}

/** How a suite makes a call of its capability and reads all of the answer. */
export interface Calling {
  /** The whole of what the caller would get; fails with what the provider fails with. */
  call(standIn: StandIn, options: CallOptions): Promise<unknown>;
  /** Texts of the caller in the call, which no error may quote. */
  readonly texts: readonly string[];
}

/** The checks that are the same for every capability: keys, documented errors, faults of transport. */
export function sharedChecks(endpoint: HttpEndpoint, options: ConformanceOptions, calling: Calling): Check[] {
  const { errors = [] } = options;
  const isCall = options.isCall ?? (({ method }: StandInRequest) => method === 'POST');
  const credential = credentialFor(endpoint);
  const faulty = (fault: ReturnType<StandIn['faultOf']>, changes: Partial<CallOptions> = {}) => {
    let failure!: ProviderError;
    return withStandIn(options, async (standIn) => {
      standIn.faultOf = (request) => (isCall(request) ? fault : null);
      failure = await failureOf(calling.call(standIn, callOptions(credential, changes)));
    }).then(() => failure);
  };
  return [
    {
      name: 'a key travels in one header of its requests, and nowhere else',
      run: () =>
        withStandIn(options, async (standIn) => {
          await calling.call(standIn, callOptions({ source: 'REQUEST_KEY', secret: CONFORMANCE_KEY }));
          const calls = standIn.requests.filter(isCall);
          assert.ok(calls.length > 0, 'no request came that is a call');
          for (const request of calls) {
            const headers = Object.entries(request.headers).filter(([, value]) =>
              String(value).includes(CONFORMANCE_KEY),
            );
            assert.equal(headers.length, 1, 'the key must be in exactly one header');
          }
          for (const { path, query, body } of standIn.requests) {
            assert.ok(!`${path}?${query}`.includes(CONFORMANCE_KEY), 'the key is in an address');
            assert.ok(!body.includes(CONFORMANCE_KEY), 'the key is in a body');
          }
        }),
    },
    ...(endpoint.keyRequired
      ? []
      : [
          {
            name: 'without a key none is sent',
            run: () =>
              withStandIn(options, async (standIn) => {
                await calling.call(standIn, callOptions(NO_CREDENTIAL));
                for (const { headers } of standIn.requests) assert.equal(headers.authorization, undefined);
              }),
          },
        ]),
    ...errors.map((error) => ({
      name: `${error.status} ${error.providerCode ?? ''} is ${error.kind}, ${error.retryable ? '' : 'not '}retryable`,
      run: async () => {
        const failure = await faulty({ kind: 'answer', answer: wireForm(error) });
        assert.equal(failure.provider, endpoint.provider);
        assert.equal(failure.kind, error.kind);
        assert.equal(failure.retryable, error.retryable);
        assert.equal(failure.status, error.status);
        if (error.providerCode !== undefined) assert.equal(failure.providerCode, error.providerCode);
      },
    })),
    {
      name: 'no error quotes the key or the text of the caller',
      run: async () => {
        const quoted = [CONFORMANCE_KEY, ...calling.texts].join(' and ');
        for (const status of [400, 401, 500]) {
          for (const body of [
            quoted,
            { error: { message: quoted, code: quoted } },
            { message: quoted },
            { detail: quoted },
          ]) {
            const failure = await faulty({ kind: 'answer', answer: wireForm({ status, body }) });
            const told = JSON.stringify([failure.message, failure.providerCode]);
            for (const secret of [CONFORMANCE_KEY, ...calling.texts]) {
              // A key that was not sent with this call cannot be known, nor cut out.
              if (secret === CONFORMANCE_KEY && credential.secret === null) continue;
              assert.ok(!told.includes(secret), `the error says ${told}`);
            }
          }
        }
      },
    },
    {
      name: 'a page for people in place of an answer is a failure, whatever its status',
      run: async () => {
        for (const status of [200, 404, 502]) {
          const headers = { 'content-type': 'text/html' };
          const failure = await faulty({ kind: 'answer', answer: { status, headers, body: '<html>Welcome</html>' } });
          assert.equal(failure.kind, status >= 500 ? 'UNAVAILABLE' : 'REJECTED');
        }
      },
    },
    {
      name: 'an answer without a byte is a failure',
      run: async () => {
        const failure = await faulty({ kind: 'answer', answer: { status: 200, body: [] } });
        assert.ok(['UNAVAILABLE', 'REJECTED'].includes(failure.kind), failure.kind);
      },
    },
    {
      name: 'a provider that hangs up is UNAVAILABLE and may be tried again',
      run: async () => {
        const failure = await faulty({ kind: 'hang-up' });
        assert.deepEqual([failure.kind, failure.retryable], ['UNAVAILABLE', true]);
      },
    },
    {
      name: 'an answer that is cut is UNAVAILABLE',
      run: async () => assert.equal((await faulty({ kind: 'cut' })).kind, 'UNAVAILABLE'),
    },
    {
      name: 'a provider that says nothing, or stops inside its answer, is a TIMEOUT',
      run: async () => {
        assert.equal((await faulty({ kind: 'stall' }, { firstByteTimeoutMs: SHORT_MS })).kind, 'TIMEOUT');
        const late = { firstByteTimeoutMs: PATIENCE_MS, idleTimeoutMs: SHORT_MS };
        assert.equal((await faulty({ kind: 'stall-inside' }, late)).kind, 'TIMEOUT');
      },
    },
    {
      name: 'a signal that aborts ends the request at the provider, as CANCELLED',
      run: () =>
        withStandIn(options, async (standIn) => {
          standIn.faultOf = (request) => (isCall(request) ? { kind: 'stall' } : null);
          const leaving = new AbortController();
          const failing = failureOf(calling.call(standIn, callOptions(credential, { signal: leaving.signal })));
          await standIn.when(() => standIn.requests.some(isCall));
          leaving.abort();
          assert.equal((await failing).kind, 'CANCELLED');
          await standIn.when(() => standIn.left === 1);
        }),
    },
    {
      name: 'an answer larger than is taken is a failure',
      run: async () => assert.equal((await faulty(null, { bytesMax: 16 })).kind, 'REJECTED'),
    },
  ];
}

function wireForm({ status, headers, body }: Pick<DocumentedError, 'status' | 'headers' | 'body'>) {
  const isText = typeof body === 'string';
  return {
    status,
    headers: { 'content-type': isText ? 'text/plain' : 'application/json', ...headers },
    body: isText ? body : JSON.stringify(body),
  };
}
