import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createChatProviders, createSpeechProviders, createTranscriptionProviders } from '../../providers/registry';

const { providerTable, withProviderTable } = require('../../scripts/lib/provider-table') as {
  providerTable(providers: object): string;
  withProviderTable(document: string, table: string): string;
};

const README = readFileSync(path.join(__dirname, '..', '..', 'README.md'), 'utf8');
const providers = {
  speech: createSpeechProviders(),
  transcription: createTranscriptionProviders(),
  chat: createChatProviders(),
};
const table = providerTable(providers);
afterAll(async () => {
  const open = Object.values(providers).flatMap((ofCapability) => [...ofCapability.values()]);
  await Promise.all(open.map((provider) => provider.close()));
});

it('the table of the README is what the adapters declare: if not, run npm run docs:providers', () => {
  expect(README).toBe(withProviderTable(README, table));
});

it('every provider has a row for each of its capabilities', () => {
  const rows = table.split('\n').slice(2);
  const expected = Object.values(providers).reduce((sum, ofCapability) => sum + ofCapability.size, 0);
  expect(rows).toHaveLength(expected);
  expect(rows).toContainEqual('| Chatterbox (`chatterbox`) | speech | PCM | MP3, WAV, OGG_OPUS, PCM | needs none |');
  expect(rows.every((row) => row.split('|').length === 7)).toBe(true);
});

it('a document without a place for the table is refused', () => {
  expect(() => withProviderTable('# Nothing', table)).toThrow('has no lines');
});
