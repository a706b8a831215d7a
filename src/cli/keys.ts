import type { Command } from 'commander';
import type { Scope } from '../identity/scopes';
import type { CommandLine } from './command-line';
import { requireWorkspace } from './find-workspaces';
import { moment, scopes } from './option-values';

interface CreateOptions {
  readonly workspace: string;
  readonly name: string;
  readonly scopes?: readonly Scope[];
  readonly expires?: Date;
  readonly json?: boolean;
}

const EXAMPLES = `
Scopes: METERED makes speech and is charged; READ sees usage, balance and prices; BILLING pays; MANAGE makes and ends
keys; ADMIN is for the operator's own workspace alone.

Examples:
  polyphony keys create --workspace 019a2b3c-4d5e-7f60-8a7b-9c0d1e2f3a4b --name "Website"
  polyphony keys create --workspace 019a2b3c-4d5e-7f60-8a7b-9c0d1e2f3a4b --name "Reports" --scopes READ --expires 2030-01-31`;

/** polyphony keys create */
export function addKeys(program: Command, line: CommandLine): void {
  const keys = program.command('keys').description('API keys of a workspace');
  keys
    .command('create')
    .description('make an API key and show its secret once')
    .requiredOption('--workspace <id>', "the workspace's id")
    .requiredOption('--name <name>', 'what it is for')
    .option('--scopes <scopes>', 'what it may do, separated by commas; METERED,READ when left out', scopes)
    .option('--expires <moment>', 'when it ends, as 2030-01-31 or 2030-01-31T12:00:00Z; never when left out', moment)
    .option('--json', 'answer in JSON: id, workspaceId, name, prefix, scopes, expiresAt, createdAt, key')
    .addHelpText('after', EXAMPLES)
    .action((options: CreateOptions) => create(line, options));
}

async function create(line: CommandLine, options: CreateOptions): Promise<void> {
  const { apiKey, secret } = await line.withCore(async (core) => {
    await requireWorkspace(core, options.workspace);
    return core.keys.createAtTheMachine(options.workspace, {
      name: options.name,
      scopes: options.scopes ?? null,
      expiresAt: options.expires ?? null,
    });
  });
  const { id, workspaceId, name, prefix, scopes: held, expiresAt, createdAt } = apiKey;
  line.answer(options, { id, workspaceId, name, prefix, scopes: held, expiresAt, createdAt, key: secret }, [
    `API key    ${secret}`,
    `Id         ${id}  (${name}; ${held.join(', ')}; ${expiresAt ? `until ${expiresAt.toISOString()}` : 'does not expire'})`,
    'Keep the key: it is not shown again.',
  ]);
}
