import { newId } from '../../../src/lib/ids';
import type { GraphqlError, GraphqlSocket } from '../../support/graphql-socket';
import type { StormWorkspace } from './storm-servers';

/** What a caller was told of a speech that it got. */
export interface Told {
  readonly id: string;
  /** Decimal, as it came. */
  readonly credits: string;
}

/** What a caller may be told while the provider fails and others cancel. */
const EXPECTED_CODES: ReadonlySet<string> = new Set([
  'ABORTED',
  'PROVIDER_REJECTED',
  'PROVIDER_UNAVAILABLE',
  'PROVIDER_TIMEOUT',
]);

const COMPLETE = `mutation Speak($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { speech { id } usage { credits } }
}`;
const STREAM = `mutation Stream($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { speech { id audio { url } } }
}`;
const CANCEL = 'mutation Cancel($id: ID!) { cancelSpeech(input: { id: $id }) { speech { status } } }';
const LISTEN = `subscription Listen($input: SynthesizeSpeechInput!) {
  speechStream(input: $input) {
    __typename
    ... on SpeechChunk { audioBase64 }
    ... on SpeechCompleted { speech { id } usage { credits } }
  }
}`;
const WORDS = 'Every storm ends with a ledger that is right and with a remainder that can be spent'.split(' ');
const OWN_KEY = { 'x-provider-key-elevenlabs': 'own-key' };

type Input = Readonly<Record<string, unknown>>;
interface SpeakData extends Record<string, unknown> {
  readonly synthesizeSpeech: {
    readonly speech: { readonly id: string; readonly audio?: { readonly url: string } };
    readonly usage?: { readonly credits: string };
  } | null;
}
interface ListenData extends Record<string, unknown> {
  readonly speechStream: { readonly speech?: { readonly id: string }; readonly usage?: { readonly credits: string } };
}

/** Callers of every kind, drawn by a seed: some wait, some leave, some cancel what they or others have begun. */
export class RandomOperations {
  readonly told: Told[] = [];
  /** Answers by their code, `SERVED` among them: what the storm consisted of. */
  readonly outcomes: Record<string, number> = {};
  readonly faults: string[] = [];
  private begun = 0;

  constructor(
    private readonly workspace: StormWorkspace,
    private readonly sockets: readonly GraphqlSocket[],
    private readonly random: () => number,
  ) {}

  /** Carries out `count` operations, so many at once. */
  async run(count: number, atOnce: number): Promise<void> {
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (this.begun < count) await this.one(++this.begun);
      }),
    );
  }

  private async one(turn: number): Promise<void> {
    const input: Input = {
      provider: 'elevenlabs',
      text: WORDS.slice(0, 1 + this.below(WORDS.length)).join(' '),
      routing: { timeoutMs: 1_000 + this.below(500) },
    };
    const keyed = { ...input, idempotencyKey: newId() };
    const kind = this.random();
    if (kind < 0.3) await this.complete(turn, this.random() < 0.5 ? input : keyed);
    // Two callers of one key, at different processes where there are several.
    else if (kind < 0.35) await Promise.all([this.complete(turn, keyed), this.complete(turn + 1, keyed)]);
    else if (kind < 0.65) await this.stream(turn, this.random() < 0.5 ? input : keyed);
    else await this.listen(turn, keyed);
  }

  private async complete(turn: number, input: Input): Promise<void> {
    const { data, errors } = await this.workspace
      .client(turn)
      .graphql<SpeakData>(COMPLETE, { input }, this.headers(input));
    const speech = data?.synthesizeSpeech;
    if (speech) this.serve(speech.speech.id, speech.usage!.credits);
    else this.refuse(errors![0]!);
  }

  private async stream(turn: number, input: Input): Promise<void> {
    const client = this.workspace.client(turn);
    const { data, errors } = await client.graphql<SpeakData>(
      STREAM,
      { input: { ...input, delivery: 'STREAM' } },
      this.headers(input),
    );
    const speech = data?.synthesizeSpeech?.speech;
    if (!speech) return this.refuse(errors![0]!);
    this.count('STREAMED');
    const next = this.random();
    if (next < 0.4) {
      const cancelled = await this.workspace.client(turn + this.below(2)).graphql(CANCEL, { id: speech.id });
      if (cancelled.errors) this.faults.push(`cancelSpeech: ${JSON.stringify(cancelled.errors)}`);
      this.count('CANCELLED');
    } else if (next < 0.7) {
      const { pathname, search } = new URL(speech.audio!.url);
      // A speech that breaks has a body that breaks.
      await client.send(pathname + search).catch(() => {});
    }
  }

  private async listen(turn: number, input: Input): Promise<void> {
    const subscription = this.sockets[turn % this.sockets.length]!.subscribe<ListenData>(LISTEN, { input });
    const leaveAfter = this.random() < 0.4 ? this.below(4) : Number.POSITIVE_INFINITY;
    for (let seen = 0; ; seen++) {
      if (seen === leaveAfter) {
        subscription.leave();
        return this.count('LEFT');
      }
      const event = await subscription.event();
      if (event.type === 'error') return this.refuse(event.payload[0]!);
      if (event.type === 'closed') return void this.faults.push(`a socket was closed: ${event.close.code}`);
      if (event.type === 'complete') return void this.faults.push('a stream completed without its last event');
      const { data, errors } = event.payload;
      if (errors) return this.refuse(errors[0]!);
      const { speech, usage } = data!.speechStream;
      if (usage) return this.serve(speech!.id, usage.credits);
    }
  }

  /** The caller's own key for some, which makes them free; always the same for one idempotency key. */
  private headers({ idempotencyKey, text }: Input): Readonly<Record<string, string>> {
    return idempotencyKey === undefined && String(text).length % 3 === 0 ? OWN_KEY : {};
  }

  private serve(id: string, credits: string): void {
    this.count('SERVED');
    this.told.push({ id, credits });
  }

  private refuse({ message, extensions }: GraphqlError): void {
    this.count(extensions.code);
    if (!EXPECTED_CODES.has(extensions.code)) this.faults.push(`${extensions.code}: ${message}`);
  }

  private count(outcome: string): void {
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }
}
