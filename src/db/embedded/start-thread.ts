import { existsSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';

/** Compiles TypeScript as it is required; only for a tree that has not been built, as tests run it. */
const RUN_FROM_SOURCE = `
  const { workerData } = require('node:worker_threads');
  const load = require('node:module').createRequire(workerData.entry);
  const { transformFileSync } = load('@swc/core');
  require('node:module')._extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, {
    configFile: false, swcrc: false, sourceMaps: 'inline', module: { type: 'commonjs' },
    jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true } },
  }).code, file);
  load(workerData.entry);
`;

/** Starts a module of this directory in a thread of its own, from the built tree or from source alike. */
export function startThread(moduleName: string, data: Readonly<Record<string, unknown>>): Worker {
  const built = path.join(__dirname, `${moduleName}.js`);
  // The environment holds secrets that the engine has no use for.
  const options = { env: {}, execArgv: [], stdin: false };
  if (existsSync(built)) return new Worker(built, { ...options, workerData: data });
  const entry = path.join(__dirname, `${moduleName}.ts`);
  return new Worker(RUN_FROM_SOURCE, { ...options, eval: true, workerData: { ...data, entry } });
}
