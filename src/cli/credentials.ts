import type { Command } from 'commander';
import { type Reencryption, reencryptProviderCredentials } from '../identity/provider-credentials/reencrypt';
import { CredentialSealer } from '../identity/provider-credentials/sealer';
import { KeyRing } from '../lib/keys';
import { reencryptWebhookSecrets, type SecretsReencryption } from '../webhooks/reencrypt-secrets';
import { WebhookSecretSealer } from '../webhooks/webhook-secret';
import type { CommandLine } from './command-line';
import { EXIT } from './exit-codes';

const HELP = `
Provider keys that workspaces keep here, and the secrets that sign their webhooks, are encrypted under ENCRYPTION_KEY. To change it, without a moment's pause:

  1. make a key:         openssl rand -base64 32
  2. on every server:    ENCRYPTION_KEY=<old>,<new>    and restart: all of them can read what the new one will seal
  3. on every server:    ENCRYPTION_KEY=<new>,<old>    and restart: what is new is sealed with the new one
  4. once:               ENCRYPTION_KEY=<new>,<old> polyphony credentials reencrypt
  5. on every server:    ENCRYPTION_KEY=<new>          and restart

Exit codes:
  0  every one of them is sealed with the first key of ENCRYPTION_KEY
  1  some cannot be read with any of them; each is named
  2  could not run`;

/** polyphony credentials reencrypt */
export function addCredentials(program: Command, line: CommandLine): void {
  const credentials = program
    .command('credentials')
    .description('provider keys and webhook secrets that workspaces keep here');
  credentials
    .command('reencrypt')
    .description('seal every stored provider key and webhook secret with the newest key of ENCRYPTION_KEY')
    .option('--json', 'answer in JSON: reencrypted, upToDate, unreadable')
    .addHelpText('after', HELP)
    .action((options: { json?: boolean }) => reencrypt(line, options));
}

interface Report {
  readonly reencrypted: number;
  readonly upToDate: number;
  readonly unreadable: readonly (Reencryption['unreadable'][number] | SecretsReencryption['unreadable'][number])[];
}

async function reencrypt(line: CommandLine, options: { json?: boolean }): Promise<void> {
  const keyRing = KeyRing.fromBase64(line.settings().encryptionKey.reveal());
  const report = await line.withCore(async ({ database }): Promise<Report> => {
    const keys = await reencryptProviderCredentials(database, new CredentialSealer(keyRing));
    const secrets = await reencryptWebhookSecrets(database, new WebhookSecretSealer(keyRing));
    return {
      reencrypted: keys.reencrypted + secrets.reencrypted,
      upToDate: keys.upToDate + secrets.upToDate,
      unreadable: [...keys.unreadable, ...secrets.unreadable],
    };
  });
  if (report.unreadable.length > 0) line.exitCode = EXIT.negative;
  line.answer(options, report, linesOf(report));
}

function linesOf({ reencrypted, upToDate, unreadable }: Report): string[] {
  return [
    `Sealed anew: ${reencrypted}. Up to date before: ${upToDate}. Unreadable: ${unreadable.length}.`,
    ...unreadable.map((secret) => {
      const what = 'provider' in secret ? secret.provider : `webhook endpoint ${secret.endpointId}`;
      return `  workspace ${secret.workspaceId}, ${what}: ${
        secret.why === 'unknown-key' ? 'sealed with a key that ENCRYPTION_KEY does not name' : 'damaged'
      }`;
    }),
  ];
}
