import type { ModelDeclaration } from '../../../providers/contract/provider';
import { AppError } from '../../../src/lib/errors';
import { bareName, chooseModel, prefixOf } from '../../../src/operations/routing/models';

const NOW = Date.parse('2026-06-01');
const model = (name: string, more: Partial<ModelDeclaration> = {}): ModelDeclaration => ({
  name,
  upstreamId: name,
  ...more,
});
const MODELS = [
  model('old', { retiredAt: '2025-01-01', successor: 'middle' }),
  model('middle', { retiredAt: '2026-01-01', successor: 'new' }),
  model('new'),
  model('leaving', { retiredAt: '2027-01-01', successor: 'new' }),
  model('orphan', { retiredAt: '2025-01-01' }),
  model('ring-1', { retiredAt: '2025-01-01', successor: 'ring-2' }),
  model('ring-2', { retiredAt: '2025-01-01', successor: 'ring-1' }),
];

const choose = (asked: string | null, allowSuccessor = false, defaultModel = 'new') => {
  const choice = { providerId: 'acme', name: 'Acme', models: MODELS, defaultModel, kind: 'speech' };
  const { model: chosen, retirement } = chooseModel(choice, asked, { now: NOW, allowSuccessor });
  return [chosen.name, retirement && `${retirement.retiredAt} -> ${retirement.successor}`];
};

it.each<[string, string | null, boolean, string, string, string | null]>([
  ['the default', null, false, 'new', 'new', null],
  ['a default that has been retired gives way to its successor', null, false, 'old', 'new', null],
  ['a retired default without a successor gives way to a model that is served', null, false, 'orphan', 'new', null],
  ['a model by name', 'leaving', false, 'new', 'leaving', null],
  ['a retired one by name is tried', 'middle', false, 'new', 'middle', '2026-01-01 -> acme/new'],
  ['its successor is the first that is served', 'old', false, 'new', 'old', '2025-01-01 -> acme/new'],
  ['the successor serves where it may', 'old', true, 'new', 'new', null],
  ['one that is still served is not replaced', 'leaving', true, 'new', 'leaving', null],
  ['without a successor it is tried all the same', 'orphan', true, 'new', 'orphan', '2025-01-01 -> null'],
  ['successors that go round lead nowhere', 'ring-1', true, 'new', 'ring-1', '2025-01-01 -> null'],
])('%s', (_name, asked, allowSuccessor, defaultModel, name, retirement) => {
  expect(choose(asked, allowSuccessor, defaultModel)).toEqual([name, retirement]);
});

it('an unknown model is refused with those there are', () => {
  expect(() => choose('none')).toThrow(
    expect.objectContaining({ code: 'BAD_USER_INPUT', fields: expect.objectContaining({ field: 'model' }) }),
  );
});

describe('names', () => {
  const PROVIDERS = new Map([
    ['acme', 1],
    ['other', 2],
  ]);

  it.each([
    ['one', null],
    ['acme/one', 'acme'],
    ['nobody/one', null],
    ['/one', null],
    ['acme/one/two', 'acme'],
    [null, null],
  ])('%s begins with %s', (name, prefix) => expect(prefixOf(name, PROVIDERS)).toBe(prefix));

  it.each([
    ['one', 'one'],
    ['acme/one', 'one'],
    ['nobody/one', 'nobody/one'],
    [null, null],
  ])('%s is %s beside acme', (name, bare) => expect(bareName('model', name, 'acme', PROVIDERS)).toBe(bare));

  it('a name of another provider is refused, by its own field', () => {
    const field = 'routing.fallbacks.0.voice';
    expect(() => bareName(field, 'other/one', 'acme', PROVIDERS)).toThrow(AppError);
    expect(() => bareName(field, 'other/one', 'acme', PROVIDERS)).toThrow(
      expect.objectContaining({ fields: { field }, message: expect.stringMatching(/^The voice "other\/one" belongs/) }),
    );
  });
});
