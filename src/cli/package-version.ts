import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Version of this package, whether it runs from source or from the built tree, which lies deeper. */
export function packageVersion(): string {
  for (let directory = __dirname; directory !== path.dirname(directory); directory = path.dirname(directory)) {
    const file = path.join(directory, 'package.json');
    if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  }
  return 'unknown';
}
