import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { HttpChatAdapter } from '../../../providers/contract/llm';
import type { HttpTranscriptionAdapter } from '../../../providers/contract/stt';
import { adapterFaults } from '../../../providers/modules/check-adapter';
import {
  loadProviderModules,
  ProviderModulesError,
  refuseSharedKeyHeaders,
} from '../../../providers/modules/load-modules';
import { createChatProviders, createSpeechProviders, createTranscriptionProviders } from '../../../providers/registry';

const ACME = `{
  transport: 'http', provider: 'acme', name: 'Acme', firstParty: false, keyHeader: 'X-Provider-Key-Acme', keyRequired: true,
  defaultBaseUrl: 'https://api.acme.example',
  models: [{ name: 'acme-2', upstreamId: 'a', charactersMax: 10, languages: ['en'], millisecondsPerCharacterMax: 1000 }],
  defaultModel: 'acme-2', defaultVoice: 'nova',
  formats: { MP3: { contentType: 'audio/mpeg', sampleRates: [44100], channels: 1 } }, defaultFormat: 'MP3',
  speed: { min: 0.5, max: 2 }, styles: null, markup: ['break'],
  render: () => '', request: () => ({}), requestIdOf: () => null, billedUnits: () => null,
  voicesRequest: () => null, voicesPage: () => ({ voices: [], next: null }), errorOf: () => ({}),
}`;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-modules-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;
/** A CommonJS module; ES modules are loaded by a real server, in the test of the guide. */
function moduleOf(code: string): string {
  const file = path.join(directory, `module-${files++}.cjs`);
  writeFileSync(file, code);
  return file;
}

function faultsOf(...paths: string[]): readonly string[] {
  try {
    loadProviderModules(paths);
  } catch (error) {
    if (error instanceof ProviderModulesError) return error.faults;
    throw error;
  }
  return [];
}

it.each([
  ['by name', `exports.speech = ${ACME};`],
  ['by name, in a list', `exports.speech = [${ACME}];`],
  ['in a default export', `exports.default = { speech: ${ACME} };`],
])('an adapter that is exported %s is loaded', (_how, code) => {
  const { speech, transcription, chat } = loadProviderModules([moduleOf(code)]);
  expect(speech.map(({ provider }) => provider)).toEqual(['acme']);
  expect([transcription, chat]).toEqual([[], []]);
});

it('without modules there is nothing to load', () => {
  expect(loadProviderModules([])).toEqual({ speech: [], transcription: [], chat: [] });
});

it.each<[string, string, RegExp]>([
  ['exports nothing', '', /exports no adapter\. Export "speech", "transcription" or "chat"/],
  ['exports a text', 'module.exports = "acme"', /exports no adapter/],
  ['exports nothing in a default export', 'exports.default = {}', /exports no adapter/],
  ['throws', 'throw new Error("no licence found")', /could not be loaded: no licence found\. Mend the module/],
  ['throws no error', 'throw "a text"', /could not be loaded: a text\./],
  ['is no JavaScript', 'export const = 1', /could not be loaded: /],
  [
    'needs what is not there',
    // As Node says it; the test runner's own search for it never ends.
    'throw new Error("Cannot find module \'./gone.cjs\'\\nRequire stack:\\n- a path")',
    /could not be loaded: Cannot find module '\.\/gone\.cjs'\. Mend/,
  ],
  [
    'has a null for an adapter',
    'exports.speech = [null]',
    /exports a speech adapter with a fault: write an object|write "http"/,
  ],
])('a module that %s is named with what to mend', (_what, code, fault) => {
  const file = moduleOf(code);
  const faults = faultsOf(file);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toMatch(new RegExp(`^PROVIDER_MODULES: ${file.replaceAll('.', '\\.')} `));
  expect(faults[0]).toMatch(fault);
});

it.each(['/nowhere/acme.cjs', os.tmpdir()])('%s, which is no file, is named', (file) => {
  expect(faultsOf(file)).toEqual([
    `PROVIDER_MODULES: ${file} is not a file. Name the file of a module, its ending included.`,
  ]);
});

it.each<[string, string, string]>([
  ["provider: 'acme'", "provider: 'Acme Speech'", 'provider: write lower-case words joined by hyphens'],
  ["keyHeader: 'X-Provider-Key-Acme'", "keyHeader: 'Authorization'", 'keyHeader: write X-Provider-Key- and a name'],
  ["defaultBaseUrl: 'https://api.acme.example'", "defaultBaseUrl: 'acme'", 'defaultBaseUrl: write scheme and host'],
  ['charactersMax: 10', 'charactersMax: 0', 'models[0].charactersMax: write a whole number above 0'],
  ["languages: ['en']", "languages: ['English']", 'models[0].languages[0]: write a BCP 47 primary subtag'],
  ["defaultModel: 'acme-2'", "defaultModel: 'acme-3'", 'defaultModel: name one of the models'],
  ["defaultFormat: 'MP3'", "defaultFormat: 'WAV'", 'defaultFormat: name one of the formats'],
  ["defaultFormat: 'MP3'", "defaultFormat: 'AAC'", 'defaultFormat: write one of MP3, WAV'],
  ['MP3: {', 'AAC: {', 'formats'],
  ['sampleRates: [44100]', 'sampleRates: []', 'formats.MP3.sampleRates: name at least one sample rate'],
  ["contentType: 'audio/mpeg'", "contentType: 'text/html'", 'formats.MP3.contentType: write a type such as audio/mpeg'],
  ['min: 0.5', 'min: 1.5', 'speed.min: write a number up to 1'],
  ["markup: ['break']", "markup: ['audio']", 'markup[0]: write features out of break'],
  ['firstParty: false', 'firstParty: 0', 'firstParty: write true or false'],
  ['request: () => ({})', 'request: {}', 'request: write a function'],
  ['render: () => ', 'rendered: () => ', 'render: write a function'],
  ['errorOf:', "framing: () => 'events', errorOf:", 'message: write a function that reads what is framed'],
  ["transport: 'http'", "transport: 'ftp'", 'transport: write "http" or "engine"'],
])('an adapter with %s changed to %s is refused by its field', (from, to, fault) => {
  expect(ACME).toContain(from);
  const faults = faultsOf(moduleOf(`exports.speech = ${ACME.replace(from, to)};`));
  expect(faults.join('\n')).toMatch(
    new RegExp(`with (a fault|\\d+ faults): (.*; )?${fault.replace(/[[\]().]/g, '\\$&')}`),
  );
});

it('every fault of every module is told at once', () => {
  const broken = moduleOf(
    `exports.speech = ${ACME.replace("name: 'Acme'", "name: ''").replace('speed: {', 'speed: 1, x: {')}`,
  );
  const faults = faultsOf('/nowhere.cjs', broken, moduleOf('throw new Error("x")'));
  expect(faults).toHaveLength(3);
  expect(faults[1]).toContain('with 2 faults: name: write a text that is not empty; speed: write an object.');
});

it('an id that two modules share is a fault of the second, and tells of the first', () => {
  const [first, second] = [moduleOf(`exports.speech = ${ACME}`), moduleOf(`exports.speech = ${ACME}`)];
  expect(faultsOf(first, second)).toEqual([
    `PROVIDER_MODULES: ${second} exports a speech adapter "acme", and so does ${first}; leave one of them out, or rename its provider.`,
  ]);
});

it.each(['bootstrap', 'stripe'])('the id %s, whose settings are the platform’s own, is refused', (id) => {
  const [fault] = faultsOf(moduleOf(`exports.speech = ${ACME.replace("'acme'", `'${id}'`)}`));
  expect(fault).toContain('an id that is not free; choose another');
});

it('a module may replace a provider of ours', () => {
  const { speech } = loadProviderModules([moduleOf(`exports.speech = ${ACME.replace("'acme'", "'elevenlabs'")}`)]);
  expect(createSpeechProviders({}, speech).get('elevenlabs')!.declaration.name).toBe('Acme');
});

it('two providers with one header of own keys are refused, in any case of its letters', () => {
  const [declaration] = loadProviderModules([moduleOf(`exports.speech = ${ACME}`)]).speech;
  const other = { ...declaration!, provider: 'other', keyHeader: 'x-provider-key-ACME' };
  expect(() => refuseSharedKeyHeaders([declaration!, other])).toThrow(/"acme" and "other" have the same keyHeader/);
  expect(() =>
    refuseSharedKeyHeaders([declaration!, { ...declaration!, keyHeader: 'X-Provider-Key-Acme' }]),
  ).not.toThrow();
});

describe('our own adapters are what is asked of others', () => {
  const declarations = [
    ...[...createSpeechProviders().values()].map(({ declaration }) => ['speech', declaration] as const),
    ...[...createTranscriptionProviders().values()].map(({ declaration }) => ['transcription', declaration] as const),
    ...[...createChatProviders().values()].map(({ declaration }) => ['chat', declaration] as const),
  ];
  it.each(declarations.map(([capability, adapter]) => [capability, adapter.provider, adapter] as const))(
    '%s of %s',
    (capability, _provider, adapter) => expect(adapterFaults(capability, adapter)).toEqual([]),
  );
});

it.each([
  ['transcription', createTranscriptionProviders, 'transcript', { models: [{ bytesMax: 0 }] }],
  ['chat', createChatProviders, 'stream', { models: [{ contextTokens: 1.5 }] }],
] as const)('a broken %s adapter is refused by its field', (capability, create, method, broken) => {
  const [provider] = [...create().values()];
  const adapter = provider!.declaration as HttpTranscriptionAdapter | HttpChatAdapter;
  expect(adapterFaults(capability, { ...adapter, [method]: 'no function' })).toEqual([`${method}: write a function`]);
  const models = [{ ...adapter.models[0], ...broken.models[0] }, ...adapter.models.slice(1)];
  expect(adapterFaults(capability, { ...adapter, models })).toEqual([expect.stringMatching(/^models\[0\]\./)]);
});
