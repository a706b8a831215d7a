import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type StandIn, startStandIn } from '../../providers/conformance';
import defaultBook from '../../src/metering/price-books/default.json';
import { audioFixture } from '../support/audio-fixtures';
import { migratedTemplate } from '../support/embedded-template';
import { GraphqlClient } from '../support/graphql-client';
import { type ServerProcess, startServerProcess } from '../support/server-process';

const ROOT = path.join(__dirname, '..', '..');
const GUIDE = readFileSync(path.join(ROOT, 'docs', 'adapters.md'), 'utf8');

/** The block of code in the guide that holds these words, without its indentation. */
function codeWith(words: string): string {
  const blocks = [...GUIDE.matchAll(/^( *)```[a-z]+\n([\s\S]*?)\n\1```$/gm)].map(([, indent, code]) =>
    code!.replace(new RegExp(`^${indent}`, 'gm'), ''),
  );
  const found = blocks.filter((code) => code.includes(words));
  expect(found).toHaveLength(1);
  return found[0]!;
}

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-adapter-'));
  writeFileSync(path.join(directory, 'acme.mjs'), codeWith('// acme.mjs'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('the adapter of the guide is as short as it says', () => {
  const lines = codeWith('// acme.mjs').split('\n');
  expect(lines.length).toBeLessThanOrEqual(65);
});

describe('the adapter of the guide, loaded by a server', () => {
  const ACME_KEY = 'acme-key-of-the-platform';
  let standIn: StandIn;
  let server: ServerProcess;
  let client: GraphqlClient;
  beforeAll(async () => {
    const data = path.join(directory, 'data');
    cpSync(await migratedTemplate(), path.join(data, 'postgres'), { recursive: true });
    standIn = await startStandIn(({ path: asked }) =>
      asked === '/v1/voices'
        ? { status: 200, body: JSON.stringify({ voices: [{ id: 'nova', name: 'Nova' }] }) }
        : { status: 200, headers: { 'content-type': 'audio/mpeg' }, body: audioFixture('MP3', 44_100, 900) },
    );
    const book = path.join(directory, 'prices.json');
    const rate: unknown = JSON.parse(codeWith('"provider": "acme"'));
    writeFileSync(book, JSON.stringify({ ...defaultBook, version: 'acme-1', rates: [...defaultBook.rates, rate] }));
    const apiKey = 'key-of-the-first-workspace';
    server = await startServerProcess({
      workingDirectory: directory,
      env: {
        PORT: '0',
        DATA_DIR: data,
        BOOTSTRAP_API_KEY: apiKey,
        PROVIDER_MODULES: './acme.mjs',
        PRICE_BOOK: book,
        ACME_API_KEY: ACME_KEY,
        ACME_BASE_URL: standIn.url,
      },
    });
    client = new GraphqlClient(server.url, apiKey);
  });
  afterAll(async () => {
    await client?.close();
    await server?.stop();
    await standIn?.close();
  });

  it('speaks for a price', async () => {
    const { synthesizeSpeech } = await client.data<{
      synthesizeSpeech: { speech: { voiceId: string; audio: { format: string } }; usage: { credits: string } };
    }>(
      `mutation { synthesizeSpeech(input: { text: "Hello from a module.", provider: "acme" }) {
         speech { voiceId audio { format } } usage { credits } } }`,
    );
    expect(synthesizeSpeech).toEqual({
      speech: { voiceId: 'acme/nova', audio: { format: 'MP3' } },
      usage: { credits: '0.4' },
    });
    const request = standIn.requests.find(({ method }) => method === 'POST')!;
    expect(request.headers.authorization).toBe(`Bearer ${ACME_KEY}`);
    expect(JSON.parse(request.body.toString('utf8'))).toEqual({
      model: 'acme-2-turbo',
      voice: 'nova',
      text: 'Hello from a module.',
      speed: 1,
      container: 'mp3',
    });
  });

  it('is in the list of providers, with the header of an own key', async () => {
    const { provider } = await client.data<{ provider: object }>(
      '{ provider(id: "acme") { name keyHeader available models { id default } } }',
    );
    expect(provider).toEqual({
      name: 'Acme',
      keyHeader: 'X-Provider-Key-Acme',
      available: true,
      models: [{ id: 'acme/acme-2', default: true }],
    });
  });
});

it('modules that cannot be loaded stop the start, each with what to mend', async () => {
  writeFileSync(path.join(directory, 'waits.mjs'), 'await 0;\nexport const speech = {};');
  writeFileSync(
    path.join(directory, 'partial.mjs'),
    "export default { speech: { transport: 'http', provider: 'acme' } };",
  );
  const env = { DATA_DIR: path.join(directory, 'unused'), PROVIDER_MODULES: './gone.mjs,./waits.mjs,./partial.mjs' };
  const failure = await startServerProcess({ workingDirectory: directory, env }).then(
    () => 'it started',
    (error: Error) => error.message,
  );
  expect(failure).toMatch(/PROVIDER_MODULES: \S+gone\.mjs is not a file\./);
  expect(failure).toMatch(/PROVIDER_MODULES: \S+waits\.mjs uses await at its top level, which cannot be loaded\./);
  expect(failure).toMatch(
    /PROVIDER_MODULES: \S+partial\.mjs exports a speech adapter \\"acme\\" with \d+ faults: name: write a text; /,
  );
});

it('the test of the guide passes, check by check', () => {
  const suite = codeWith('// acme.test.cjs').replace(
    "'polyphony/dist/providers/conformance'",
    JSON.stringify(path.join(ROOT, 'providers', 'conformance')),
  );
  writeFileSync(path.join(directory, 'acme.test.cjs'), suite);
  for (const format of ['MP3', 'WAV'] as const) {
    writeFileSync(path.join(directory, `recorded.${format.toLowerCase()}`), audioFixture(format, 44_100, 1_500));
  }
  const loader = path.join(ROOT, 'test', 'support', 'register-typescript.js');
  const { NODE_TEST_CONTEXT: _ours, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-r', loader, '--test', 'acme.test.cjs'], {
    cwd: directory,
    encoding: 'utf8',
    env,
  });
  expect(`${stdout}${stderr}`).toMatch(/# fail 0$/m);
  expect(Number(/# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(20);
  expect(status).toBe(0);
});
