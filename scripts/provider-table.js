// npm run docs:providers: writes the table of providers in README.md anew, out of what the adapters declare.
const { readFileSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { ensureBuilt, ROOT } = require('./lib/build');
const { providerTable, withProviderTable } = require('./lib/provider-table');

async function main() {
  const registry = require(path.join(ROOT, 'dist', 'providers', 'registry.js'));
  const providers = {
    speech: registry.createSpeechProviders(),
    transcription: registry.createTranscriptionProviders(),
    chat: registry.createChatProviders(),
  };
  const file = path.join(ROOT, 'README.md');
  writeFileSync(file, withProviderTable(readFileSync(file, 'utf8'), providerTable(providers)));
  const open = Object.values(providers).flatMap((ofCapability) => [...ofCapability.values()]);
  await Promise.all(open.map((provider) => provider.close()));
}

if (ensureBuilt('server')) void main();
else process.exitCode = 1;
