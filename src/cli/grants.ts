import type { Command } from 'commander';
import { formatCredits, type MicroCredits } from '../lib/credits';
import { newId } from '../lib/ids';
import type { CommandLine } from './command-line';
import { requireWorkspace } from './find-workspaces';
import { credits, GRANT_KINDS, grantKind, idempotencyKey, type ManualGrantKind, moment, reason } from './option-values';

interface AddOptions {
  readonly workspace: string;
  readonly kind: ManualGrantKind;
  readonly credits: MicroCredits;
  readonly reason: string;
  readonly expires?: Date;
  readonly idempotencyKey?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
A script that may run twice names an idempotency key: the same key with the same grant adds it once.

Examples:
  polyphony grants add --workspace 019a2b3c-4d5e-7f60-8a7b-9c0d1e2f3a4b --kind PROMOTION --credits 500 --reason "welcome"
  polyphony grants add --workspace 019a2b3c-4d5e-7f60-8a7b-9c0d1e2f3a4b --kind TOP_UP --credits 5000 \\
    --reason "invoice 2041" --idempotency-key invoice-2041`;

/** polyphony grants add */
export function addGrants(program: Command, line: CommandLine): void {
  const grants = program.command('grants').description('credits that the operator gives');
  grants
    .command('add')
    .description('give credits to a workspace')
    .requiredOption('--workspace <id>', "the workspace's id")
    .requiredOption('--kind <kind>', GRANT_KINDS.join(', '), grantKind)
    .requiredOption('--credits <credits>', 'how many, above 0, with at most 6 decimals', credits)
    .requiredOption('--reason <reason>', 'why, for the record', reason)
    .option(
      '--expires <moment>',
      'when what is left is lost; a top-up lasts 12 months and others for ever when left out',
      moment,
    )
    .option('--idempotency-key <key>', 'adds once, however often it is sent; a new one when left out', idempotencyKey)
    .option(
      '--json',
      'answer in JSON: id, workspaceId, kind, credits, remaining, reason, effectiveAt, expiresAt, idempotencyKey',
    )
    .addHelpText('after', EXAMPLES)
    .action((options: AddOptions) => add(line, options));
}

async function add(line: CommandLine, options: AddOptions): Promise<void> {
  const key = options.idempotencyKey ?? newId();
  const grant = await line.withCore(async (core) => {
    await requireWorkspace(core, options.workspace);
    return core.accounts.grant({
      workspaceId: options.workspace,
      kind: options.kind,
      credits: options.credits,
      reason: options.reason,
      expiresAt: options.expires ?? null,
      idempotencyKey: key,
    });
  });
  const amount = formatCredits(BigInt(grant.credits));
  const answer = {
    id: grant.id,
    workspaceId: grant.workspace_id,
    kind: grant.kind,
    credits: amount,
    remaining: formatCredits(BigInt(grant.remaining)),
    reason: grant.reason,
    effectiveAt: grant.effective_at,
    expiresAt: grant.expires_at,
    idempotencyKey: key,
  };
  const until = grant.expires_at ? `usable until ${grant.expires_at.toISOString()}` : 'does not expire';
  line.answer(options, answer, [
    `${amount} credits (${grant.kind}) for workspace ${grant.workspace_id}: ${until}.`,
    `Grant  ${grant.id}`,
  ]);
}
