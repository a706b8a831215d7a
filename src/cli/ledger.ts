import type { Command } from 'commander';
import { verifyBilling } from '../billing/verify-billing';
import type { VerifyReport } from '../ledger/verify';
import type { CommandLine } from './command-line';
import { EXIT } from './exit-codes';
import { addRerate } from './rerate';

const HELP = `
Proves on a live database, in one snapshot, that balances are the sums of their journal, that every charge has its usage
event to the micro-credit, and whatever else the ledger promises. Nothing is changed and nobody is held up.

Exit codes:
  0  clean
  1  findings, each with its invariant and its workspace
  2  could not run

Example:
  polyphony ledger verify --json | jq .findings`;

/** polyphony ledger verify, rerate */
export function addLedger(program: Command, line: CommandLine): void {
  const ledger = program.command('ledger').description('the books');
  ledger
    .command('verify')
    .description('prove that the books are right')
    .option('--json', 'answer in JSON: clean, accounts, events, journalEntries, openHolds, findings')
    .addHelpText('after', HELP)
    .action((options: { json?: boolean }) => verify(line, options));
  addRerate(ledger, line);
}

async function verify(line: CommandLine, options: { json?: boolean }): Promise<void> {
  const report = await line.withMigratedDatabase((database) => database.transaction((tx) => verifyBilling(tx)));
  const clean = report.findings.length === 0;
  if (!clean) line.exitCode = EXIT.negative;
  line.answer(options, { clean, ...report }, linesOf(report));
}

function linesOf({ accounts, events, journalEntries, openHolds, findings }: VerifyReport): string[] {
  const seen = `${accounts} accounts, ${events} usage events, ${journalEntries} journal entries, ${openHolds} open holds`;
  if (findings.length === 0) return [`The ledger is clean: ${seen}.`];
  return [
    `The ledger has ${findings.length === 1 ? '1 finding' : `${findings.length} findings`}: ${seen}.`,
    ...findings.map(
      ({ invariant, workspaceId, detail }) => `  not true that ${invariant}: workspace ${workspaceId}, ${detail}`,
    ),
  ];
}
