import { open, readdir } from 'node:fs/promises';
import path from 'node:path';

const AT_ONCE = 16;

/** Makes files and directories durable (fsync): the whole tree, or with `deep: false` only the directory's own entries. */
export async function syncTree(directory: string, { deep = true }: { readonly deep?: boolean } = {}): Promise<void> {
  const entries = deep ? await readdir(directory, { recursive: true, withFileTypes: true }) : [];
  const paths = [directory, ...entries.map((entry) => path.join(entry.parentPath, entry.name))];
  const syncRest = async (): Promise<void> => {
    for (let next = paths.pop(); next !== undefined; next = paths.pop()) await syncOne(next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, syncRest));
}

async function syncOne(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
