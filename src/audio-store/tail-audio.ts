import { open } from 'node:fs/promises';

const POLL_MS = 50;
const READ_BYTES = 65_536;
/** Bytes are written behind their maker: what is missing so long after the end was lost. */
const BEHIND_MS = 5_000;

/**
 * Audio that another process of this machine is still writing: what there is, then what comes, until there are as many
 * bytes as `sizeAtEnd` says; it answers null while the audio is being made. The file may not exist yet.
 *
 * @throws Error when bytes are missing that should be there by now
 */
export async function* tailAudio(
  path: string,
  sizeAtEnd: () => Promise<number | null>,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  let offset = 0;
  let missingSince: number | null = null;
  while (!signal.aborted) {
    const size = await sizeAtEnd();
    const before = offset;
    for await (const bytes of bytesFrom(path, offset)) {
      offset += bytes.length;
      yield bytes;
    }
    if (size !== null && offset >= size) return;
    if (size === null || offset > before) missingSince = null;
    else {
      missingSince ??= performance.now();
      if (performance.now() - missingSince > BEHIND_MS) throw new Error('The end of the audio is missing.');
    }
    await new Promise<void>((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function* bytesFrom(path: string, offset: number): AsyncGenerator<Buffer, void, void> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!handle) return;
  try {
    for (let from = offset; ; ) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, from);
      if (bytesRead === 0) return;
      from += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
