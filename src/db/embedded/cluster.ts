import { fsyncSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import type { EngineBackend } from './engine-turns';

/** 4 MB keep a new data directory small; PostgreSQL's default of 16 MB suits busier servers. */
const INITDB_ARGUMENTS = ['--wal-segsize=4'];

const SETTINGS = {
  search_path: 'public',
  exit_on_error: 'false',
  io_method: 'sync',
  max_worker_processes: '0',
  max_parallel_workers: '0',
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',
  // The engine has one thread and 32-bit memory, which never shrinks; the system's file cache is behind it anyway.
  shared_buffers: '32MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  // fdatasync, the default, is an empty function in this build of PostgreSQL; fsync reaches SyncedNodeFS.
  wal_sync_method: 'fsync',
  log_checkpoints: 'false',
  // Statements hold customers' values, so none may reach a log.
  log_min_messages: 'fatal',
  log_min_error_statement: 'panic',
};

interface EngineFileSystem {
  readonly stream_ops: object;
}
interface EngineModule {
  readonly NODEFS?: EngineFileSystem;
  readonly FS: { readonly filesystems?: { readonly NODEFS: EngineFileSystem } };
}

/**
 * PGlite runs PostgreSQL with -F, without syncing, and its NodeFS has no fsync: a commit would survive the death of
 * the process but not of the machine. This one syncs, so that an answer is durable. A sync that fails ends the engine
 * (PostgreSQL would PANIC), because nobody knows any more what the disk holds.
 */
class SyncedNodeFS extends NodeFS {
  constructor(
    directory: string,
    private readonly onFatal: (reason: string) => never,
  ) {
    super(directory);
  }

  override async init(...parameters: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(...parameters);
    const preRun = (module: EngineModule): void => {
      // Which of the two there is depends on how the release was built.
      const fileSystem = module.NODEFS ?? module.FS.filesystems?.NODEFS;
      if (!fileSystem) throw new Error('This release of PGlite hides its file system, so no commit could be durable.');
      Object.assign(fileSystem.stream_ops, {
        fsync: (stream: { nfd: number }): number => {
          try {
            fsyncSync(stream.nfd);
          } catch (error) {
            this.onFatal(`The data directory cannot be synced to disk: ${(error as Error).message}`);
          }
          return 0;
        },
      });
    };
    return {
      emscriptenOpts: {
        ...emscriptenOpts,
        preRun: [...(emscriptenOpts.preRun ?? []), preRun] as typeof emscriptenOpts.preRun,
        onAbort: (what: unknown) => this.onFatal(`The engine aborted: ${String(what)}`),
      } as typeof emscriptenOpts,
    };
  }
}

/** Makes a new cluster in `directory`, which must be empty or absent. Nothing is synced to disk yet. */
export async function createCluster(directory: string): Promise<void> {
  const engine = await PGlite.create({ fs: new NodeFS(directory), initDbStartParams: INITDB_ARGUMENTS });
  await engine.close();
}

/** Opens the cluster in `directory`; recovery after a crash is part of it. */
export async function openCluster(directory: string, onFatal: (reason: string) => never): Promise<Cluster> {
  const complaints: string[] = [];
  const startParams = [
    '--single',
    '-O',
    '-j',
    ...Object.entries(SETTINGS).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
  ];
  try {
    const engine = await PGlite.create({
      fs: new SyncedNodeFS(directory, onFatal),
      startParams,
      onStderr: (line) => {
        if (/\b(FATAL|PANIC|DETAIL|HINT):/.test(line)) complaints.push(line);
        return false;
      },
    });
    return new Cluster(engine);
  } catch (error) {
    throw new Error([(error as Error).message, ...complaints].join(' '), { cause: error });
  }
}

export class Cluster implements EngineBackend {
  constructor(private readonly engine: PGlite) {}

  execute(messages: Uint8Array, onAnswer: (bytes: Uint8Array) => void): Promise<void> {
    return this.engine.execProtocolRawStream(messages, { syncToFs: false, onRawData: onAnswer });
  }

  inTransaction(): boolean {
    return this.engine.isInTransaction();
  }

  async rows<Row>(sql: string): Promise<Row[]> {
    return (await this.engine.query<Row>(sql)).rows;
  }

  async run(sql: string): Promise<void> {
    await this.engine.exec(sql);
  }

  /** Writes a checkpoint and stops, so that the next start has nothing to recover. */
  close(): Promise<void> {
    return this.engine.close();
  }
}
