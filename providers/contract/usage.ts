import type { Credential } from './credential';
import type { HttpEndpoint, ProviderRequest } from './provider';

/** What a provider's own count is of, as in the price book. */
export type CountedUnit = 'CHARACTER' | 'AUDIO_SECOND' | 'INPUT_TOKEN' | 'OUTPUT_TOKEN';
export type CountedCapability = 'TEXT_TO_SPEECH' | 'SPEECH_TO_TEXT' | 'LANGUAGE_MODEL';

/** One quantity that a provider tells, and what of ours it is compared with. A provider tells each unit at most once. */
export interface UsageMeasure {
  readonly capability: CountedCapability;
  readonly unit: CountedUnit;
  /**
   * Units of a `ProviderCount` that mean what the provider tells here: such a count of an operation is taken in place of our
   * own.
   */
  readonly countUnits: readonly string[];
  /** A difference up to this, in the unit, is the rounding of its sums. Left out: 0. */
  readonly tolerance?: number;
  /**
   * What it will have counted for an operation whose outcome was lost, if it carried it out: `exact`, our own quantity;
   * `whole`, that rounded up to a whole unit; `never`, nobody can say beforehand.
   */
  readonly foreseen: 'exact' | 'whole' | 'never';
  /** Its sums hold these too, and do not tell them apart: days on which they were used there cannot be compared. */
  readonly mixedWith?: readonly CountedCapability[];
}

/** From `start` to before `end`. */
export interface UsageSpan {
  readonly start: Date;
  readonly end: Date;
}

/** What a provider counted in a day, or in a month: then `date` is its first. A date may come several times; its parts add up. */
export interface CountedDay {
  /** YYYY-MM-DD, in UTC. */
  readonly date: string;
  readonly unit: CountedUnit;
  /** Not negative. */
  readonly quantity: number;
}

/** One request as its provider lists it. */
export interface CountedRequest {
  /** The id that came with its answer. */
  readonly id: string;
  /** When it came, in milliseconds since 1970. */
  readonly at: number;
  readonly capability: CountedCapability;
  /** As our adapters name it; null where the list does not tell. */
  readonly model: string | null;
  /** What it counted, in the unit of the measure of the capability; null where the list does not tell. */
  readonly quantity: number | null;
  /** The same in our own count (characters of the text), where that differs and can be told. */
  readonly asked?: number;
}

/** Pages of one list. */
export interface UsageQuery<Item> {
  /** `cursor` is null for the first page; `account` is one of `accounts`, "" where there are none. */
  request(span: UsageSpan, cursor: string | null, credential: Credential, account: string): ProviderRequest;
  /** Throws TypeError where the answer is not the documented one. `next` is null on the last page. */
  page(
    body: unknown,
    span: UsageSpan,
    cursor: string | null,
  ): { readonly items: readonly Item[]; readonly next: string | null };
}

/** What a provider tells of what it counted. */
export interface UsageDeclaration extends HttpEndpoint {
  /** The calendar that its sums follow, in UTC. */
  readonly step: 'DAY' | 'MONTH';
  readonly measures: readonly UsageMeasure[];
  /** Whether its usage is closed to the key that serves requests, and needs <PROVIDER>_ADMIN_KEY. */
  readonly adminKey: 'REQUIRED' | 'OPTIONAL';
}

/** Usage over HTTP: declarations only; the shared sender does the work. At least one of `sums` and `requests`. */
export interface HttpUsageAdapter extends UsageDeclaration {
  /** Projects of the account that are asked one by one; left out: the key stands for the account. */
  readonly accounts?: {
    request(credential: Credential): ProviderRequest;
    read(body: unknown): readonly string[];
  };
  /** Left out: the sums are those of the list of requests. */
  readonly sums?: readonly UsageQuery<CountedDay>[];
  /** Left out: the provider lists no requests. Those that it refused or failed are not among them. */
  readonly requests?: UsageQuery<CountedRequest>;
}

export interface UsageCallOptions {
  readonly signal: AbortSignal;
  /** Told after each page. */
  readonly onPage?: (pages: number) => void;
}

/** A provider's own record of what it counted. */
export interface UsageSource {
  readonly declaration: UsageDeclaration;
  /** There is a key to ask with. */
  readonly configured: boolean;
  readonly listsRequests: boolean;
  /** It has sums beside its list of requests. */
  readonly tellsSums: boolean;
  /** Of whole days, or whole months. @throws ProviderError */
  sums(span: UsageSpan, options: UsageCallOptions): Promise<readonly CountedDay[]>;
  /** By id, each once. @throws ProviderError */
  requests(span: UsageSpan, options: UsageCallOptions): Promise<ReadonlyMap<string, CountedRequest>>;
  close(): Promise<void>;
}
