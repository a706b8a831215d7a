import type { ServerResponse } from 'node:http';
import type { StubRequest } from './requests';

/** What a request gets in place of its answer. */
export type StubFault =
  /** Another status, with a JSON body (or a text as it is) and headers. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Nothing at all; the connection stays open. */
  | { readonly kind: 'stall-before-headers' }
  /** Half of the audio, then nothing. */
  | { readonly kind: 'stall-mid-body' }
  /** The connection is cut before anything was sent. */
  | { readonly kind: 'hang-up' }
  /** Half of the audio, then the connection is cut. */
  | { readonly kind: 'cut-mid-body' }
  /** Audio without end, as fast as it is taken. */
  | { readonly kind: 'endless' }
  /** 200 and the right type, without a byte. */
  | { readonly kind: 'empty' }
  /** The audio under another content type; null leaves the header out. */
  | { readonly kind: 'content-type'; readonly type: string | null }
  /** 200, application/json. */
  | { readonly kind: 'error-in-200'; readonly body: unknown }
  /** The right type, bytes that are no audio. */
  | { readonly kind: 'malformed' }
  /** The answer with its pieces changed: events put in, taken out or broken. */
  | { readonly kind: 'edit'; edit(pieces: readonly Buffer[]): readonly (Buffer | string)[] }
  /** The audio, a piece for each `release()` of the gate. */
  | { readonly kind: 'gated'; readonly gate: Gate };

export type FaultFunction = (request: StubRequest) => StubFault | undefined;

/** Lets a body through piece by piece, so that a test decides what has arrived, without sleeping. */
export class Gate {
  private permits = 0;
  private waiting: (() => void)[] = [];

  /** Lets `count` more pieces go. */
  release(count = 1): void {
    this.permits += count;
    while (this.permits > 0 && this.waiting.length > 0) {
      this.permits--;
      this.waiting.shift()!();
    }
  }

  /** Lets everything go, now and later. */
  open(): void {
    this.release(Number.POSITIVE_INFINITY);
  }

  pass(): Promise<void> {
    if (this.permits > 0) {
      this.permits--;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

/** The same sequence for the same seed (mulberry32): numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * Draws one of `faults` for a `share` of the requests, repeatably. For faults that must differ from request to request,
 * such as a gate of its own, give a function that makes one.
 */
export function randomFaults(
  seed: number,
  share: number,
  faults: readonly (StubFault | (() => StubFault))[],
): FaultFunction {
  const random = seededRandom(seed);
  return () => {
    if (random() >= share || faults.length === 0) return undefined;
    const fault = faults[Math.floor(random() * faults.length)]!;
    return typeof fault === 'function' ? fault() : fault;
  };
}

/** Bytes that are neither audio nor text. */
const NOISE = Buffer.from(Array.from({ length: 4096 }, (_, index) => ((index * 37 + 11) & 0x7f) | 0x01));

/** Carries out a fault; `audio` is what the answer would have been. */
export async function misbehave(
  fault: StubFault,
  response: ServerResponse,
  contentType: string,
  audio: readonly Buffer[],
): Promise<void> {
  const half = audio.slice(0, Math.max(1, Math.floor(audio.length / 2)));
  switch (fault.kind) {
    case 'answer': {
      const text = typeof fault.body === 'string' ? fault.body : JSON.stringify(fault.body ?? null);
      const type = typeof fault.body === 'string' ? 'text/plain' : 'application/json';
      response.writeHead(fault.status, { 'content-type': type, ...fault.headers }).end(text);
      return;
    }
    case 'stall-before-headers':
      return;
    case 'hang-up':
      response.destroy();
      return;
    case 'stall-mid-body':
      response.writeHead(200, { 'content-type': contentType });
      for (const piece of half) response.write(piece);
      return;
    case 'cut-mid-body':
      response.writeHead(200, { 'content-type': contentType });
      for (const piece of half.slice(0, -1)) response.write(piece);
      response.write(half.at(-1)!.subarray(0, Math.ceil(half.at(-1)!.length / 2)), () => response.destroy());
      return;
    case 'endless': {
      let wake = (): void => undefined;
      response.on('drain', () => wake());
      response.on('close', () => wake());
      response.writeHead(200, { 'content-type': contentType });
      while (!response.destroyed) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const taken = audio.map((piece) => response.write(piece)).every(Boolean);
        await (taken ? new Promise((resolve) => setImmediate(resolve)) : woken);
      }
      return;
    }
    case 'empty':
      response.writeHead(200, { 'content-type': contentType }).end();
      return;
    case 'content-type':
      response.writeHead(200, fault.type === null ? {} : { 'content-type': fault.type }).end(Buffer.concat(audio));
      return;
    case 'error-in-200':
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(fault.body));
      return;
    case 'malformed':
      response.writeHead(200, { 'content-type': contentType }).end(NOISE);
      return;
    case 'edit':
      response.writeHead(200, { 'content-type': contentType });
      for (const piece of fault.edit(audio)) response.write(piece);
      response.end();
      return;
    case 'gated':
      response.writeHead(200, { 'content-type': contentType });
      response.flushHeaders();
      for (const piece of audio) {
        await fault.gate.pass();
        if (response.destroyed) return;
        response.write(piece);
      }
      response.end();
      return;
  }
}
