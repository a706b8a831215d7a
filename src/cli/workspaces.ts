import type { Command } from 'commander';
import type { Workspace } from '../identity/workspaces';
import type { CommandLine } from './command-line';
import { listWorkspaces, requireWorkspace } from './find-workspaces';

interface Answer {
  readonly json?: boolean;
}

interface CreateOptions extends Answer {
  readonly name: string;
  readonly plan: string;
  readonly key?: string;
}

const CREATE_EXAMPLES = `
Examples:
  polyphony workspaces create --name "Acme" --plan starter
  polyphony workspaces create --name "Acme" --plan pro --json | jq -r .key`;

const SET_PLAN_EXAMPLE = `
Example:
  polyphony workspaces set-plan 019a2b3c-4d5e-7f60-8a7b-9c0d1e2f3a4b scale`;

/** polyphony workspaces create | set-plan | list */
export function addWorkspaces(program: Command, line: CommandLine): void {
  const workspaces = program.command('workspaces').description('customers: make, list, move to a plan');
  workspaces
    .command('create')
    .description("make a workspace with its account, its plan's first grant and a first API key")
    .requiredOption('--name <name>', 'its name, for people')
    .requiredOption('--plan <plan>', "a plan's id, such as free or pro")
    .option('--key <secret>', "the first key's secret, 20 or more characters; made when left out")
    .option('--json', 'answer in JSON: id, name, plan, createdAt, key, keyId, scopes')
    .addHelpText('after', CREATE_EXAMPLES)
    .action((options: CreateOptions) => create(line, options));
  workspaces
    .command('set-plan')
    .description('move a workspace to another plan at once; more credits come as a grant for the rest of its period')
    .argument('<workspaceId>', "the workspace's id")
    .argument('<plan>', "the plan's id")
    .option('--json', 'answer in JSON: id, name, plan, createdAt')
    .addHelpText('after', SET_PLAN_EXAMPLE)
    .action((workspaceId: string, plan: string, options: Answer) => setPlan(line, workspaceId, plan, options));
  workspaces
    .command('list')
    .description('show every workspace, the earliest first')
    .option('--json', 'answer in JSON: an array of id, name, plan, operator, activeKeys, createdAt')
    .action((options: Answer) => list(line, options));
}

async function create(line: CommandLine, options: CreateOptions): Promise<void> {
  const { workspace, apiKey, secret } = await line.withCore((core) =>
    core.workspaces.create({ name: options.name, planId: options.plan, secret: options.key ?? null }),
  );
  line.answer(options, { ...shown(workspace), key: secret, keyId: apiKey.id, scopes: apiKey.scopes }, [
    `Workspace  ${workspace.id}  (${workspace.name}, plan ${workspace.planId})`,
    `API key    ${secret}`,
    'Keep the key: it is not shown again.',
  ]);
}

async function setPlan(line: CommandLine, workspaceId: string, plan: string, options: Answer): Promise<void> {
  const workspace = await line.withCore(async (core) => {
    await requireWorkspace(core, workspaceId);
    await core.accounts.setPlan(workspaceId, plan);
    return core.workspaces.find(workspaceId);
  });
  line.answer(options, shown(workspace), [
    `Workspace ${workspace.id} (${workspace.name}) is on the plan ${workspace.planId}.`,
  ]);
}

async function list(line: CommandLine, options: Answer): Promise<void> {
  const found = await line.withCore((core) => listWorkspaces(core.database));
  line.answer(
    options,
    found,
    found.length === 0
      ? ['There is no workspace yet; "polyphony workspaces create" makes one, and the first start of a server too.']
      : found.map(({ id, name, plan, operator, activeKeys }) => {
          const keys = activeKeys === 1 ? '1 key' : `${activeKeys} keys`;
          return `${id}  ${operator ? 'operator' : plan.padEnd(8)}  ${keys}  ${name}`;
        }),
  );
}

const shown = ({ id, name, planId, createdAt }: Workspace) => ({ id, name, plan: planId, createdAt });
