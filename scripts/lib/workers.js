const os = require('node:os');

/** A worker may run an embedded database (330 MB, 700 MB while it makes a cluster) beside the tests themselves. */
const WORKER_BYTES = 1_300_000_000;

/** As many jest workers as this machine has cores and memory for, within the limits of a container. */
function jestWorkers() {
  const limit = process.constrainedMemory?.() ?? 0;
  const total = limit > 0 && limit < os.totalmem() ? limit : os.totalmem();
  const free = Math.min(os.freemem(), total);
  return Math.max(1, Math.min(os.availableParallelism(), Math.floor(free / WORKER_BYTES)));
}

module.exports = { jestWorkers };
