// npm test [-- --only lint,types,build,schema,jest] [--results <file>] [-- what jest is given]
//
// Runs every check that this machine can run, says what was skipped and why, and fails when any of them failed.
const { spawnSync } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { ensureBuilt, ROOT } = require('./lib/build');
const { summarize } = require('./lib/jest-results');
const { jestWorkers } = require('./lib/workers');

const node = (...args) => spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status === 0;
const tool = (name) => path.join(ROOT, 'node_modules', ...name.split('/'));

const STEPS = {
  lint: { title: 'Lint', run: () => node(tool('@biomejs/biome/bin/biome'), 'check') },
  types: { title: 'Type check', run: () => node(tool('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json') },
  build: { title: 'Build', run: () => ensureBuilt('server') },
  schema: { title: 'Schema', run: () => node('dist/src/cli/emit-schema.js', '--check') },
  jest: { title: 'Tests', run: null },
};

const { values, positionals } = parseArgs({
  options: { only: { type: 'string' }, results: { type: 'string' } },
  allowPositionals: true,
});
const chosen = values.only ? values.only.split(',') : Object.keys(STEPS);
const unknown = chosen.filter((name) => !(name in STEPS));
if (unknown.length > 0) {
  console.error(`There is no check ${unknown.join(', ')}; --only takes ${Object.keys(STEPS).join(', ')}.`);
  process.exit(2);
}

/** null: jest ended without results. */
function runJest(args) {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-jest-'));
  const file = path.join(directory, 'results.json');
  try {
    node(tool('jest/bin/jest.js'), `--maxWorkers=${jestWorkers()}`, '--json', `--outputFile=${file}`, ...args);
    return summarize(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    console.error(`jest gave no results: ${error.message}`);
    return null;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const failedSteps = [];
let tests = { passed: 0, failed: 0, skipped: 0, reasons: {} };
for (const name of Object.keys(STEPS).filter((step) => chosen.includes(step))) {
  const { title, run } = STEPS[name];
  console.log(`\n== ${title}`);
  if (run) {
    if (!run()) failedSteps.push(title);
  } else {
    const results = runJest(positionals);
    if (results) tests = results;
    else failedSteps.push(title);
  }
}

console.log('\n== Skipped');
if (tests.skipped === 0) console.log('Nothing.');
for (const [reason, names] of Object.entries(tests.reasons)) {
  console.log(`${names.length} (${reason}):`);
  for (const name of names) console.log(`  - ${name}`);
}

console.log('\n== Summary');
for (const title of failedSteps) console.log(`${title}: failed`);
const failed = tests.failed + failedSteps.length;
console.log(`${tests.passed} passed, ${failed} failed, ${tests.skipped} skipped`);
if (values.results)
  writeFileSync(values.results, JSON.stringify({ passed: tests.passed, failed, skipped: tests.skipped }));
process.exitCode = failed === 0 ? 0 : 1;
