export interface StubHistoryItem {
  readonly requestId: string | null;
  /** Milliseconds since 1970; the provider tells whole seconds. */
  readonly at: number;
  readonly model: string;
  readonly text: string;
  /** Credits. */
  readonly billed: number;
}

export interface StubListedRequest {
  readonly id: string;
  readonly at: number;
  /** With its query. */
  readonly path: string;
  /** What the opaque `response` holds; left out, it is empty. */
  readonly details?: object;
  readonly failed?: boolean;
}

/** What the accounts of the stand-ins have counted; tests fill it. Dates are YYYY-MM-DD. */
export class StubUsage {
  readonly elevenLabs: StubHistoryItem[] = [];
  /** By project; the key sees every one of them. */
  readonly deepgram = new Map<
    string,
    {
      readonly days: {
        readonly date: string;
        readonly endpoint: string;
        readonly hours: number;
        readonly characters: number;
      }[];
      readonly requests: StubListedRequest[];
    }
  >([['project-1', { days: [], requests: [] }]]);
  readonly openAi: { readonly date: string; readonly endpoint: string; readonly result: object }[] = [];
  readonly anthropic: { readonly date: string; readonly result: object }[] = [];
  readonly cartesia: { readonly date: string; readonly credits: number }[] = [];
  /** Seconds by month, YYYY-MM. */
  readonly mistral = new Map<string, readonly number[]>();
  /** Seconds by date. */
  readonly resemble = new Map<string, number>();
  /** A page has no more buckets or items than this, whatever is asked for. */
  pageMax = Number.POSITIVE_INFINITY;
}
