import pino, { type Logger } from 'pino';
import { readSettings, type Settings } from '../config';
import type { Core } from '../core';
import type { Database } from '../db/database';
import { systemClock } from '../lib/clock';
import { EXIT, type ExitCode } from './exit-codes';

/** What a command sees of the world around it. */
export interface Surroundings {
  readonly environment: NodeJS.ProcessEnv;
  /** What relative paths in the settings are relative to. */
  readonly directory: string;
  /** People and scripts read this. */
  readonly writeOut: (text: string) => void;
  /** Errors, and the steps of a start. */
  readonly writeError: (text: string) => void;
  /** Calls back at each signal that asks the process to end; answers how to stop listening. */
  readonly onEndSignal: (listener: (signal: NodeJS.Signals) => void) => () => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

/** How a command reads its settings, reaches its data and answers. */
export class CommandLine {
  exitCode: ExitCode = EXIT.done;

  constructor(readonly surroundings: Surroundings) {}

  /** @throws SettingsError */
  settings(): Settings {
    return readSettings(this.surroundings.environment, { directory: this.surroundings.directory });
  }

  /** One JSON document on a line of its own, or the lines for people. */
  answer(options: { readonly json?: boolean }, machine: unknown, lines: readonly string[]): void {
    this.surroundings.writeOut(`${options.json ? JSON.stringify(machine) : lines.join('\n')}\n`);
  }

  /** Warnings alone, unless LOG_LEVEL asks for more: a short command answers with its result. */
  log(settings: Settings): Logger {
    const level = this.surroundings.environment.LOG_LEVEL ? settings.logLevel : 'warn';
    return pino({ level, base: undefined }, pino.destination({ fd: 2, sync: true }));
  }

  /** Everything that works on the data, its tables brought up to date; closed when the work has ended. */
  async withCore<T>(work: (core: Core) => Promise<T>): Promise<T> {
    const settings = this.settings();
    // Loaded when a command runs, so that --help and faults of usage are answered at once.
    const { openCore } = require('../core') as typeof import('../core');
    const core = await openCore(settings, { log: this.log(settings), clock: systemClock });
    try {
      return await work(core);
    } finally {
      await core.close();
    }
  }

  /** The database as it is, whatever the price book says. */
  async withDatabase<T>(work: (database: Database, log: Logger) => Promise<T>): Promise<T> {
    const settings = this.settings();
    const log = this.log(settings);
    const { openDatabase } = require('../db/open-database') as typeof import('../db/open-database');
    const database = await openDatabase(settings, { log, clock: systemClock });
    try {
      return await work(database, log);
    } finally {
      await database.close();
    }
  }

  /** The same, where the tables must be of this version. */
  async withMigratedDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
    const { pendingMigrations } = require('../db/migrate') as typeof import('../db/migrate');
    return this.withDatabase(async (database) => {
      if ((await pendingMigrations(database)).length > 0) {
        throw new Error('The tables of this database are not of this version; run "polyphony migrate" first.');
      }
      return work(database);
    });
  }
}
