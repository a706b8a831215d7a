import type { Command } from 'commander';
import type { StripeSyncReport } from '../billing/stripe/stripe-billing';
import { systemClock } from '../lib/clock';
import type { CommandLine } from './command-line';
import { EXIT } from './exit-codes';

const HELP = `
Fetches the subscription of every workspace that has a Stripe customer and applies it, whatever webhooks were missed;
then reports the overage of all closed hours that Stripe has not acknowledged. Harmless at any time and beside a server.

Exit codes:
  0  everything is in line
  1  some of it failed; the server tries overage again by itself, and the log says why
  2  could not run

Example:
  polyphony billing sync --json`;

/** polyphony billing sync */
export function addBilling(program: Command, line: CommandLine): void {
  const billing = program.command('billing').description('the payment provider');
  billing
    .command('sync')
    .description('bring subscriptions and overage in line with Stripe')
    .option('--json', 'answer in JSON: workspaces, failedWorkspaces, overageEvents, acknowledged, failedEvents')
    .addHelpText('after', HELP)
    .action((options: { json?: boolean }) => sync(line, options));
}

async function sync(line: CommandLine, options: { json?: boolean }): Promise<void> {
  const settings = line.settings();
  const report = await line.withCore(async (core) => {
    const { openPayments } = require('../payments') as typeof import('../payments');
    const payments = openPayments(settings, core, { clock: systemClock, log: line.log(settings) });
    if (!payments) throw new Error('Stripe is not configured: set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET.');
    try {
      return await payments.synchronize();
    } finally {
      payments.close();
    }
  });
  if (report.failedWorkspaces + report.failedEvents > 0) line.exitCode = EXIT.negative;
  line.answer(options, report, linesOf(report));
}

function linesOf(report: StripeSyncReport): string[] {
  return [
    `${report.workspaces} workspaces were looked at, ${report.failedWorkspaces} of them could not be brought in line.`,
    `${report.overageEvents} new events of overage; ${report.acknowledged} were acknowledged, ${report.failedEvents} failed for now.`,
  ];
}
