import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Workspace } from '../identity/workspaces';
import { badInput } from '../lib/errors';
import { readAgreedTerms } from '../metering/agreed-terms';
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

interface SetPlanOptions extends Answer {
  readonly terms?: string;
  readonly atPeriodEnd?: boolean;
}

const SET_PLAN_HELP = `
A plan by agreement takes its numbers from a JSON file, written like a plan of the price book without id, name and
custom; null is "no limit":
  { "priceUsd": "2500", "monthlyCredits": "6000000", "hardCap": false, "overageUsdPerCredit": "0.0005",
    "carryoverMonths": 2, "monthlyCharacters": 60000000, "maxCharactersPerRequest": 20000,
    "qualities": ["STANDARD", "PREMIUM", "ULTRA"], "requestsPerMinute": 1200, "maxApiKeys": null }

A workspace that pays through a payment provider is moved there, not here.

Examples:
  polyphony workspaces set-plan 019a2b3c-4d5e-7f60-8a7b-9c0d1e2f3a4b scale
  polyphony workspaces set-plan 019a2b3c-4d5e-7f60-8a7b-9c0d1e2f3a4b free --at-period-end
  polyphony workspaces set-plan 019a2b3c-4d5e-7f60-8a7b-9c0d1e2f3a4b enterprise --terms acme.json`;

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
    .option('--terms <file>', 'the agreed numbers as JSON, for a plan by agreement')
    .option('--at-period-end', 'only from the next period on; the plan it is on takes a waiting one back')
    .option('--json', 'answer in JSON: id, name, plan, agreedTerms, createdAt')
    .addHelpText('after', SET_PLAN_HELP)
    .action((workspaceId: string, plan: string, options: SetPlanOptions) => setPlan(line, workspaceId, plan, options));
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

async function setPlan(line: CommandLine, workspaceId: string, planId: string, options: SetPlanOptions): Promise<void> {
  const agreed = options.terms === undefined ? null : termsOf(resolve(line.surroundings.directory, options.terms));
  const atPeriodEnd = options.atPeriodEnd ?? false;
  const workspace = await line.withCore(async (core) => {
    await requireWorkspace(core, workspaceId);
    await core.accounts.setPlan(workspaceId, { planId, agreed, atPeriodEnd });
    return core.workspaces.find(workspaceId);
  });
  line.answer(options, { ...shown(workspace), agreedTerms: workspace.agreedTerms }, [
    `Workspace ${workspace.id} (${workspace.name}) is on the plan ${workspace.planId}${atPeriodEnd ? `, and on ${planId} from its next period on` : ''}.`,
  ]);
}

function termsOf(file: string) {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw badInput('terms', `The file ${file} cannot be read: ${(error as Error).message}`);
  }
  try {
    return readAgreedTerms(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) throw badInput('terms', `The file ${file} is no JSON: ${error.message}`);
    throw error;
  }
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
