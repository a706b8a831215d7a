// npm run dev: builds, runs the server, and does both again when a source changes. A tree that does not compile leaves
// the running server as it is.
const { spawn } = require('node:child_process');
const { watch } = require('node:fs');
const path = require('node:path');
const { build, ROOT } = require('./lib/build');

const SOURCES = ['src', 'schema', 'providers', 'migrations'];
/** An editor saves several files, or one several times. */
const QUIET_MS = 200;

let server = null;
let restarting = false;
let again = false;
let ending = false;
let timer;

function startServer() {
  const child = spawn(process.execPath, [path.join(ROOT, 'bin', 'polyphony.js'), 'serve', ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  server = child;
  child.once('exit', (code) => {
    if (server === child) server = null;
    if (ending) process.exit(code ?? 1);
    if (!restarting) console.log(`The server ended with code ${code}; it starts again at the next change.`);
  });
}

/** Waits until it has let go of its port and its data. */
function stopServer() {
  const child = server;
  if (!child) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGTERM');
  });
}

async function restart() {
  if (restarting) {
    again = true;
    return;
  }
  restarting = true;
  do {
    again = false;
    if (build('server')) {
      await stopServer();
      if (!again && !ending) startServer();
    }
  } while (again && !ending);
  restarting = false;
}

for (const source of SOURCES) {
  watch(path.join(ROOT, source), { recursive: true }, (_event, file) => {
    if (!file || !/\.(ts|json)$/.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(() => void restart(), QUIET_MS);
  });
}
// The server hears Ctrl-C itself and ends in its own time; this process ends with it.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    ending = true;
    if (!server) process.exit(0);
    else if (signal === 'SIGTERM') server.kill('SIGTERM');
  });
}
void restart();
