import { open } from 'node:fs/promises';

const POLL_MS = 100;
const READ_BYTES = 65_536;

/**
 * Audio that another process of this machine is still writing: what there is, then what comes, until `isEnded` says
 * that no more will. The file may not exist yet.
 */
export async function* tailAudio(
  path: string,
  isEnded: () => Promise<boolean>,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  let offset = 0;
  while (!signal.aborted) {
    // Asked first: what is written before the end is then read below.
    const ended = await isEnded();
    const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (handle) {
      try {
        for (;;) {
          const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, offset);
          if (bytesRead === 0) break;
          offset += bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      } finally {
        await handle.close();
      }
    }
    if (ended) return;
    await new Promise<void>((resolve) => setTimeout(resolve, POLL_MS));
  }
}
