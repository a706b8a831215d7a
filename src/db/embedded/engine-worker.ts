import { parentPort, workerData } from 'node:worker_threads';
import { type Cluster, createCluster, openCluster } from './cluster';
import type { EngineJob, EngineReport } from './engine';
import { EngineTurns } from './engine-turns';
import { upkeep } from './upkeep';
import { WireServer } from './wire-server';

/** Entry of the thread in which the embedded PostgreSQL runs: a statement blocks this thread and no other. */

const IDLE_IN_TRANSACTION_MS = 60_000;
const UPKEEP_EVERY_MS = 10_000;

const report = (message: EngineReport): void => parentPort!.postMessage(message);

function die(reason: string): never {
  report({ kind: 'failed', reason });
  process.exit(1);
}

async function serve(directory: string, socketPath: string): Promise<void> {
  const server = new WireServer();
  // The socket is there before the engine is: a second process that finds it knows that the owner lives.
  await server.listen(socketPath);
  const cluster = await openCluster(directory, die);
  const turns = new EngineTurns(cluster, {
    idleInTransactionMs: IDLE_IN_TRANSACTION_MS,
    onIdle: (client) => server.refuse(client, '25P03', 'The transaction was idle for 60 seconds and was rolled back.'),
    onBroken: (cause) => die(`The engine stopped: ${(cause as Error).message}`),
  });
  server.open(turns, await greetingOf(cluster));
  let upkeepQueued = false;
  const timer = setInterval(() => {
    if (upkeepQueued) return;
    upkeepQueued = true;
    turns
      .takeOwn(() => upkeep(cluster))
      .catch((error: Error) => report({ kind: 'upkeep-failed', reason: error.message }))
      .finally(() => {
        upkeepQueued = false;
      });
  }, UPKEEP_EVERY_MS);
  parentPort!.once('message', () => {
    clearInterval(timer);
    void server
      .close()
      .then(() => turns.takeOwn(() => cluster.close()))
      .then(
        () => report({ kind: 'done' }),
        (error: Error) => die(error.message),
      )
      .then(() => process.exit(0));
  });
  report({ kind: 'ready' });
}

/** A startup message for the one user and database that there are. */
async function greetingOf(cluster: Cluster): Promise<Uint8Array> {
  const startup = Buffer.from('\0\0\0\0\0\x03\0\0user\0postgres\0database\0postgres\0\0');
  startup.writeInt32BE(startup.length, 0);
  const answers: Buffer[] = [];
  await cluster.execute(startup, (bytes) => answers.push(Buffer.from(bytes)));
  return Buffer.concat(answers);
}

const job = workerData.job as EngineJob;
const work =
  job.kind === 'create'
    ? createCluster(job.directory).then(() => report({ kind: 'done' }))
    : serve(job.directory, job.socketPath);
work
  .catch((error: Error) => die(error.message))
  .then(() => {
    if (job.kind === 'create') process.exit(0);
  });
