import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '../lib/clock';
import { AppError } from '../lib/errors';
import {
  findTarget,
  type OutboundTarget,
  type Resolve,
  readUrl,
  refusedUrl,
  type UrlWording,
} from '../outbound/outbound-target';
import { FETCH_HEADERS_MS, FETCH_IDLE_MS, FETCH_TOTAL_MS, RECORDING_BYTES_MAX } from './limits';
import { tooLarge } from './recording-errors';
import type { RecordingFiles, StoredBytes } from './recording-files';

export interface FetchDependencies {
  readonly clock: Clock;
  readonly files: RecordingFiles;
  readonly resolve: Resolve;
  /** host:port pairs that may be fetched wherever they lead: OUTBOUND_ALLOW. */
  readonly allowed: readonly string[];
}

const WORDING: UrlWording = {
  field: 'audio.url',
  withoutPassword: 'Use a signed URL, or upload the audio with createUpload.',
  notPublic: 'Upload the audio with createUpload, or ask the operator to allow the host.',
};
const refused = (message: string, cause?: unknown): AppError => refusedUrl(WORDING, message, cause);

/** Another address is tried after these: nothing has been said to the first. */
const CONNECTION_FAULTS: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ETIMEDOUT',
]);

/**
 * Fetches a recording into a file. The host is resolved once, every answer is checked, and the number is connected to with
 * the host's name in the request and in TLS; no redirect is followed; size and times are limited.
 * @param timeMs of the caller's own patience, where it is shorter than ours
 * @throws AppError BAD_USER_INPUT or PAYLOAD_TOO_LARGE
 */
export async function fetchRecording(
  text: string,
  dependencies: FetchDependencies,
  timeMs = FETCH_TOTAL_MS,
): Promise<StoredBytes & { readonly name: string }> {
  const url = readUrl(text, WORDING);
  const watch = new Watch(dependencies.clock, Math.min(timeMs, FETCH_TOTAL_MS));
  try {
    const target = await watch.during(findTarget(url, dependencies, WORDING));
    const response = await openFirst(target, watch);
    return await watch.during(
      dependencies.files.write(bodyOf(response, watch), RECORDING_BYTES_MAX, () => tooLarge(RECORDING_BYTES_MAX)),
    );
  } catch (error) {
    // What is no refusal is a fault of our own disk.
    throw watch.failure ?? error;
  } finally {
    watch.end();
  }
}

/** The times of one fetch. When one of them is over, the connection is cut and `failure` says why. */
class Watch {
  failure: AppError | null = null;
  private readonly waiting = new Set<(failure: AppError) => void>();
  private request: ClientRequest | null = null;
  private readonly cancelTotal: () => void;
  private cancelStep: () => void;

  constructor(
    private readonly clock: Clock,
    totalMs: number,
  ) {
    this.cancelTotal = clock.schedule(
      () => this.fail(refused(`The URL was not fetched within ${Math.round(totalMs / 1_000)} seconds.`)),
      totalMs,
    );
    this.cancelStep = clock.schedule(
      () => this.fail(refused(`The URL did not answer within ${FETCH_HEADERS_MS / 1_000} seconds.`)),
      FETCH_HEADERS_MS,
    );
  }

  /** Ends with the failure at once, even where the work itself can not be ended. */
  during<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.failure) return reject(this.failure);
      this.waiting.add(reject);
      work.then(resolve, reject).finally(() => this.waiting.delete(reject));
    });
  }

  watches(request: ClientRequest): void {
    this.request = request;
    if (this.failure) request.destroy();
  }

  /** A piece has come; the next one has its own time. */
  moved(): void {
    this.cancelStep();
    this.cancelStep = this.clock.schedule(
      () => this.fail(refused(`The URL stopped in the middle of its answer for ${FETCH_IDLE_MS / 1_000} seconds.`)),
      FETCH_IDLE_MS,
    );
  }

  end(): void {
    this.cancelTotal();
    this.cancelStep();
    this.request?.destroy();
  }

  private fail(failure: AppError): void {
    if (this.failure) return;
    this.failure = failure;
    this.request?.destroy();
    for (const reject of this.waiting) reject(failure);
  }
}

async function openFirst(target: OutboundTarget, watch: Watch): Promise<IncomingMessage> {
  const [...addresses] = target.addresses;
  for (;;) {
    const address = addresses.shift()!;
    try {
      return checkHead(await watch.during(open(target, address, watch)));
    } catch (error) {
      if (watch.failure || error instanceof AppError) throw error;
      if (addresses.length > 0 && CONNECTION_FAULTS.has((error as NodeJS.ErrnoException).code ?? '')) continue;
      throw refused(
        'The URL could not be fetched: the host does not answer, or not as HTTP. Check the URL, or upload the audio with createUpload.',
        error,
      );
    }
  }
}

/** Connects to the number; the name goes into the request, and into the handshake of TLS and the check of its certificate. */
function open({ url, hostname, port }: OutboundTarget, address: string, watch: Watch): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).request(
      {
        host: address,
        port,
        path: `${url.pathname}${url.search}`,
        method: 'GET',
        agent: false,
        ...(url.protocol === 'https:' && { servername: isIP(hostname) ? '' : hostname }),
        headers: {
          host: url.host,
          accept: 'audio/*, video/*, application/octet-stream;q=0.9, */*;q=0.1',
          'accept-encoding': 'identity',
          'user-agent': 'polyphony',
          connection: 'close',
        },
      },
      resolve,
    );
    watch.watches(request);
    request.on('error', reject);
    request.on('upgrade', (_response, socket) => {
      socket.destroy();
      reject(new Error('The server changed the protocol.'));
    });
    request.end();
  });
}

function checkHead(response: IncomingMessage): IncomingMessage {
  const status = response.statusCode ?? 0;
  if (status >= 300 && status < 400) {
    throw refused(
      `The URL redirects (HTTP ${status}), and redirects are not followed. Give the address at which the audio lies.`,
    );
  }
  if (status !== 200)
    throw refused(`The URL answered with HTTP ${status} in place of audio. Check that it may be read by anyone.`);
  const encoding = response.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw refused('The URL answers in a compressed form that was not asked for. Upload the audio with createUpload.');
  }
  const length = Number(response.headers['content-length']);
  if (length > RECORDING_BYTES_MAX) throw tooLarge(RECORDING_BYTES_MAX, length);
  return response;
}

async function* bodyOf(response: IncomingMessage, watch: Watch): AsyncGenerator<Uint8Array, void, void> {
  watch.moved();
  try {
    for await (const chunk of response) {
      yield chunk as Buffer;
      watch.moved();
    }
  } catch (error) {
    throw watch.failure ?? refused('The URL broke off in the middle of its answer; try again.', error);
  }
}
