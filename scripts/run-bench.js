// npm run bench, npm run torture: builds bench/ with what it stands on, and runs one of its programs with the arguments.
const { existsSync } = require('node:fs');
const path = require('node:path');
const { ensureBuilt, ROOT } = require('./lib/build');

const [name, ...args] = process.argv.slice(2);
const program = path.join(ROOT, 'dist', 'bench', `${name}.js`);
if (!existsSync(path.join(ROOT, 'bench', `${name}.ts`))) {
  console.error(`There is no bench/${name}.ts.`);
  process.exitCode = 2;
} else if (ensureBuilt('bench', console.error)) {
  process.argv = [process.execPath, program, ...args];
  require(program);
} else {
  process.exitCode = 2;
}
