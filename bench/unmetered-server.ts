import 'reflect-metadata';
import { readSettings } from '../src/config';
import { startServer } from '../src/server';
import { MemoryLedger } from './memory-ledger';

/** The server as it is, but for its ledger. Says where it listens as `polyphony serve --json` does. */
async function main(): Promise<void> {
  const replacements = { ledger: () => new MemoryLedger() };
  const server = await startServer(readSettings(process.env), { replacements });
  process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);
  process.once('SIGTERM', () => void server.stop());
}

void main();
