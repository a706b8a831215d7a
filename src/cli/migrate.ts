import type { Command } from 'commander';
import { migrate } from '../db/migrate';
import type { CommandLine } from './command-line';

const HELP = `
A server does the same when it starts; this is for who wants it done before. Any number of processes may do it at once.

Example:
  DATABASE_URL=postgres://user:password@host/polyphony ENCRYPTION_KEY=... polyphony migrate`;

/** polyphony migrate */
export function addMigrate(program: Command, line: CommandLine): void {
  program
    .command('migrate')
    .description('make the tables, or bring them up to date')
    .option('--json', 'answer in JSON: ran, the names of the migrations that ran now')
    .addHelpText('after', HELP)
    .action(async (options: { json?: boolean }) => {
      const ran = await line.withDatabase((database, log) => migrate(database, log));
      line.answer(
        options,
        { ran },
        ran.length === 0 ? ['The database was up to date.'] : ran.map((name) => `Migrated: ${name}`),
      );
    });
}
