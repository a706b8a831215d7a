import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.join(__dirname, '..');

/** What each part may import besides itself. `src` alone stands for the files that put everything together. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/lib': [],
  'src/db': ['src/lib', 'migrations'],
  'src/speech-text': ['src/lib', 'providers/contract'],
  'src/events': ['src/lib', 'src/db'],
  'src/limits': ['src/lib', 'src/db'],
  'src/ledger': ['src/lib', 'src/db'],
  'src/metering': ['src/lib', 'src/db', 'src/ledger'],
  'src/billing': ['src/lib', 'src/db', 'src/ledger', 'src/metering'],
  'src/identity': ['src/lib', 'src/db'],
  'src/analytics': ['src/lib', 'src/db', 'src/ledger'],
  'src/alerts': ['src/lib', 'src/db', 'src/analytics'],
  'src/audio-store': ['src/lib', 'providers/contract'],
  'src/outbound': ['src/lib'],
  'src/recordings': ['src/lib', 'src/db', 'src/outbound', 'providers/contract', 'providers/audio'],
  'src/webhooks': ['src/lib', 'src/db', 'src/outbound'],
  'src/reconciliation': ['src/lib', 'src/db', 'providers/contract'],
  'src/operations': [
    'src/lib',
    'src/db',
    'src/speech-text',
    'src/events',
    'src/limits',
    'src/ledger',
    'src/metering',
    'src/billing',
    'src/identity',
    'src/analytics',
    'src/alerts',
    'src/audio-store',
    'src/recordings',
    'src/reconciliation',
    'src/webhooks',
    'schema',
    'providers/contract',
    'providers/audio',
    'providers/http',
  ],
  'src/resolvers': ['src/lib', 'src/identity', 'schema'],
  'src/transport': [
    'src/lib',
    'src/identity',
    'src/limits',
    'src/resolvers',
    'src/operations',
    'src/audio-store',
    'src/ledger',
    'schema',
  ],
  'src/cli': [
    'src',
    'src/lib',
    'src/db',
    'src/billing',
    'src/identity',
    'src/ledger',
    'src/metering',
    'src/reconciliation',
    'src/webhooks',
    'src/resolvers',
    'src/operations',
    'schema',
  ],
  'providers/contract': [],
  'providers/audio': ['providers/contract'],
  'providers/http': ['providers/contract'],
  providers: ['providers/contract', 'providers/http', 'providers/audio'],
  schema: ['providers/contract'],
  migrations: [],
};

function sources(directory: string): string[] {
  return readdirSync(path.join(ROOT, directory), { withFileTypes: true }).flatMap((entry) => {
    const file = `${directory}/${entry.name}`;
    if (entry.isDirectory()) return sources(file);
    return file.endsWith('.ts') ? [file] : [];
  });
}

/** The longest named part that a file lies in; adapters and the files beside them are `providers`. */
function partOf(file: string): string {
  const folder = path.posix.dirname(file);
  const known = Object.keys(MAY_IMPORT).filter((part) => folder === part || folder.startsWith(`${part}/`));
  return known.sort((a, b) => b.length - a.length)[0] ?? (folder === 'src' ? 'src' : folder);
}

function importsOf(file: string): string[] {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  const named = [...text.matchAll(/(?:from|import|require)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]!);
  return named.map((name) => {
    const target = path.posix.join(path.posix.dirname(file), name).replace(/\.js$/, '');
    const found = [`${target}.ts`, `${target}/index.ts`, target].find(
      (candidate) => existsSync(path.join(ROOT, candidate)) && statSync(path.join(ROOT, candidate)).isFile(),
    );
    if (!found) throw new Error(`${file} imports ${name}, which is not there`);
    return found;
  });
}

const files = ['src', 'providers', 'schema', 'migrations'].flatMap(sources);

it.each(Object.keys(MAY_IMPORT))('%s imports only what lies below it', (part) => {
  const allowed = new Set([part, ...MAY_IMPORT[part]!]);
  const violations = files
    .filter((file) => partOf(file) === part)
    .flatMap((file) => importsOf(file).map((target) => ({ file, target })))
    .filter(({ target }) => target.endsWith('.ts') && !allowed.has(partOf(target)))
    .map(({ file, target }) => `${file} -> ${target}`);
  expect(violations).toEqual([]);
});

it('only operations and what builds everything touch the list of adapters', () => {
  const users = files.filter((file) => importsOf(file).includes('providers/registry.ts'));
  expect(users.filter((file) => file !== 'src/providers.ts' && !file.startsWith('src/operations/'))).toEqual([]);
});

it('every folder of src has its place in the order', () => {
  const folders = readdirSync(path.join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => `src/${name}`).filter((folder) => !(folder in MAY_IMPORT))).toEqual([]);
});
