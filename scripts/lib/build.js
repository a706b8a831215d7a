const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const path = require('node:path');

const ROOT = path.join(__dirname, '..', '..');
const DIST = path.join(ROOT, 'dist');

/** What is built: the server, and with it what the benchmarks need. Both go to dist/ and do not disturb each other. */
const TARGETS = {
  server: { project: 'tsconfig.build.json', sources: ['src', 'schema', 'providers', 'migrations'] },
  bench: {
    project: 'tsconfig.bench.json',
    sources: ['src', 'schema', 'providers', 'migrations', 'bench', 'test/support'],
  },
};

/** What decides how the output looks, beside the sources. */
const CONFIGURATION = ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.bench.json', 'package-lock.json'];

/** Contents, not times: a clone, a checkout and a copy of a tree all have times that say nothing. */
function fingerprint(sources) {
  const hash = createHash('sha256');
  const add = (file) =>
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(path.join(ROOT, file)))
      .update('\0');
  for (const file of CONFIGURATION) if (existsSync(path.join(ROOT, file))) add(file);
  for (const source of sources) {
    if (!existsSync(path.join(ROOT, source))) continue;
    const names = readdirSync(path.join(ROOT, source), { recursive: true, encoding: 'utf8' }).sort();
    for (const name of names) if (/\.(ts|json)$/.test(name)) add(path.join(source, name));
  }
  return hash.digest('hex');
}

const stampOf = (target) => path.join(DIST, `.built-${target}`);

/** Whether dist/ is what the sources give. */
function isFresh(target) {
  const stamp = stampOf(target);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint(TARGETS[target].sources);
}

/** Compiles to dist/ and says how it goes; false when the sources have faults, which the compiler has shown then. */
function build(target, say = console.log) {
  const { project, sources } = TARGETS[target];
  const compiler = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(compiler)) {
    console.error('The dependencies are not installed; run "npm ci" first.');
    return false;
  }
  const began = Date.now();
  say(`Building (${project}) ...`);
  const built = fingerprint(sources);
  rmSync(stampOf(target), { force: true });
  const { status } = spawnSync(process.execPath, [compiler, '-p', project], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) return false;
  writeFileSync(stampOf(target), built);
  say(`Built in ${((Date.now() - began) / 1000).toFixed(1)} s.`);
  return true;
}

/** Builds what is missing or older than its sources. */
const ensureBuilt = (target, say) => isFresh(target) || build(target, say);

module.exports = { ROOT, build, ensureBuilt, isFresh };
