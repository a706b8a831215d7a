import { Command, CommanderError } from 'commander';
import { addBilling } from './billing';
import { CommandLine, type Surroundings } from './command-line';
import { addCredentials } from './credentials';
import { addEvents } from './events';
import { EXIT, EXIT_CODES_HELP } from './exit-codes';
import { failureOf, UsageError, usageMessage } from './failures';
import { addGrants } from './grants';
import { addKeys } from './keys';
import { addLedger } from './ledger';
import { addMigrate } from './migrate';
import { packageVersion } from './package-version';
import { addPriceBook } from './pricebook';
import { addReconcile } from './reconcile';
import { addServe } from './serve';
import { addWorkspaces } from './workspaces';

const SETTINGS_HELP = `
Every setting is an environment variable; without any, the data lies in .polyphony below the working directory.
The commands work beside a running server: give them its DATA_DIR, or its DATABASE_URL and ENCRYPTION_KEY.`;

/**
 * Runs one command and answers its exit code. Nothing is thrown: an error is one message on standard error, with
 * --json one JSON document; its stack is shown when LOG_LEVEL is debug or trace.
 */
export async function runCommandLine(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const line = new CommandLine(surroundings);
  try {
    await buildProgram(line).parseAsync(args, { from: 'user' });
    return line.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    // Help in place of a command that was not named has been shown.
    if (error instanceof CommanderError && error.code === 'commander.help') return EXIT.unable;
    return report(error, args, surroundings);
  }
}

function buildProgram(line: CommandLine): Command {
  const { surroundings } = line;
  const program = new Command('polyphony')
    .description('One GraphQL schema over many voice and language providers, metered.')
    .version(packageVersion(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help of a command')
    .configureOutput({
      writeOut: surroundings.writeOut,
      writeErr: surroundings.writeError,
      outputError: () => {},
    })
    .addHelpText('after', `${SETTINGS_HELP}\n${EXIT_CODES_HELP}`);
  for (const add of [
    addServe,
    addMigrate,
    addWorkspaces,
    addKeys,
    addCredentials,
    addGrants,
    addPriceBook,
    addLedger,
    addEvents,
    addBilling,
    addReconcile,
  ])
    add(program, line);
  throwUsageErrors(program, 'polyphony');
  return program;
}

/** Each command names itself in the errors of its usage. */
function throwUsageErrors(command: Command, path: string): void {
  command.exitOverride((error) => {
    if (error.exitCode === 0 || error.code === 'commander.help') throw error;
    throw new UsageError(usageMessage(error), path);
  });
  for (const child of command.commands) throwUsageErrors(child, `${path} ${child.name()}`);
}

function report(error: unknown, args: readonly string[], { environment, writeError }: Surroundings): number {
  const { exitCode, code, message, fields } = failureOf(error);
  writeError(
    args.includes('--json')
      ? `${JSON.stringify({ error: { ...fields, code, message } })}\n`
      : `polyphony: ${message}\n`,
  );
  if (error instanceof Error && /^(debug|trace)$/.test(environment.LOG_LEVEL ?? '')) writeError(`${error.stack}\n`);
  return exitCode;
}
