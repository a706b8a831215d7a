/** A player that reads audio as it comes. */
export interface Listener {
  readonly status: number;
  readonly headers: Headers;
  /** What has been read so far. */
  readonly heard: Buffer;
  /** Reads until `bytes` have been heard in all. Throws when the body ends or is cut before. */
  hear(bytes: number): Promise<Buffer>;
  /** Everything, to the proper end of the body; rejects where it is cut. */
  all(): Promise<Buffer>;
  /** Goes away in the middle. */
  leave(): void;
}

/** Resolves when the headers are here: the body may be far from its end. */
export async function listen(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Listener> {
  const left = new AbortController();
  const answer = await fetch(url, { headers, signal: left.signal });
  const reader = answer.body!.getReader();
  const pieces: Buffer[] = [];
  let length = 0;
  /** false at the end. */
  const read = async (): Promise<boolean> => {
    const { done, value } = await reader.read();
    if (value) {
      pieces.push(Buffer.from(value));
      length += value.length;
    }
    return !done;
  };
  return {
    status: answer.status,
    headers: answer.headers,
    get heard() {
      return Buffer.concat(pieces);
    },
    async hear(bytes) {
      while (length < bytes) if (!(await read())) throw new Error(`the body ended after ${length} bytes`);
      return Buffer.concat(pieces);
    },
    async all() {
      while (await read());
      return Buffer.concat(pieces);
    },
    leave: () => left.abort(),
  };
}
