import type { GraphqlClient } from '../graphql-client';

/** One call and what is known of it. Its name goes along as endUserId, so that its usage events can be found. */
export interface TortureCall {
  readonly name: string;
  readonly text: string;
  readonly idempotencyKey: string | null;
  /** null: the connection broke before an answer came. */
  outcome: TortureAnswer | 'REFUSED' | null;
}

/** What a caller was told. */
export interface TortureAnswer {
  readonly id: string;
  /** Decimal, as it came. */
  readonly credits: string;
  /** Path and query of the audio's address: the port may be another after a restart. */
  readonly audioPath: string;
  readonly audioBytes: number;
}

interface SpeakData extends Record<string, unknown> {
  readonly synthesizeSpeech: {
    readonly speech: { readonly id: string; readonly audio: { readonly url: string; readonly sizeBytes: number } };
    readonly usage: { readonly credits: string };
  } | null;
}

const SPEAK = `mutation Speak($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { speech { id audio { url sizeBytes } } usage { credits } }
}`;
const ANSWERED_WITHIN_MS = 30_000;
const WORDS = ['The', 'ledger', 'holds', 'whatever', 'happens', 'to', 'the', 'process', 'that', 'writes', 'it'];

/** Callers that speak without a pause until the server is gone, and remember every answer. */
export class TortureLoad {
  /** Every call that was ever begun, in order. */
  readonly calls: TortureCall[] = [];
  /** Answers that no server may give here. */
  readonly faults: string[] = [];
  private gone = false;
  private onAnswer: () => void = () => {};

  constructor(private readonly random: () => number) {}

  /** Resolves at the next answer of any kind. */
  nextAnswer(): Promise<void> {
    return new Promise((resolve) => {
      this.onAnswer = resolve;
    });
  }

  /** Resolves when the last caller has noticed that the server is gone. */
  async run(client: GraphqlClient, callers: number): Promise<void> {
    this.gone = false;
    await Promise.all(
      Array.from({ length: callers }, async () => {
        while (!this.gone) await this.speak(client, this.next());
      }),
    );
  }

  /** Sends calls once more, each with the key that it had. */
  async repeat(client: GraphqlClient, calls: readonly TortureCall[], callers: number): Promise<void> {
    this.gone = false;
    const rest = [...calls];
    await Promise.all(
      Array.from({ length: callers }, async () => {
        for (let call = rest.shift(); call && !this.gone; call = rest.shift()) await this.speak(client, call);
      }),
    );
  }

  /** Nobody begins another call. */
  stop(): void {
    this.gone = true;
  }

  /** A connection that breaks leaves it without an outcome. */
  private async speak(client: GraphqlClient, call: TortureCall): Promise<void> {
    const input = {
      provider: 'elevenlabs',
      text: call.text,
      endUserId: call.name,
      ...(call.idempotencyKey !== null && { idempotencyKey: call.idempotencyKey }),
    };
    const answer = await this.inTime(
      call,
      client.graphql<SpeakData>(SPEAK, { input }).catch(() => null),
    );
    if (!answer) return this.stop();
    this.onAnswer();
    const speech = answer.data?.synthesizeSpeech;
    if (speech) {
      const { id, audio } = speech.speech;
      const { pathname, search } = new URL(audio.url);
      call.outcome = {
        id,
        credits: speech.usage.credits,
        audioPath: pathname + search,
        audioBytes: audio.sizeBytes,
      };
    } else if (answer.code === 'INSUFFICIENT_CREDITS') {
      call.outcome = 'REFUSED';
    } else {
      this.faults.push(`${call.name} was answered ${answer.status} ${JSON.stringify(answer.errors)}`);
    }
  }

  /** null, and a fault, for a server that keeps a caller waiting: whoever waits for it would wait for ever. */
  private inTime<T>(call: TortureCall, answer: Promise<T>): Promise<T | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.faults.push(`${call.name} had no answer within ${ANSWERED_WITHIN_MS / 1_000} s`);
        this.onAnswer();
        resolve(null);
      }, ANSWERED_WITHIN_MS);
      void answer.then((value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });
  }

  private next(): TortureCall {
    const number = this.calls.length;
    const words = 1 + Math.floor(this.random() * WORDS.length);
    const call: TortureCall = {
      name: `call-${number}`,
      text: WORDS.slice(0, words).join(' '),
      idempotencyKey: this.random() < 0.5 ? `key-${number}` : null,
      outcome: null,
    };
    this.calls.push(call);
    return call;
  }
}
