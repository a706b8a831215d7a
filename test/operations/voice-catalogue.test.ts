import type { Credential } from '../../providers/contract/credential';
import { ProviderError, type ProviderErrorKind } from '../../providers/contract/errors';
import type { ProviderVoice, SpeechProvider } from '../../providers/contract/tts';
import { VoiceCatalogue, type VoiceListOwner } from '../../src/operations/voice-catalogue';
import { TestClock } from '../support/test-clock';

const PLATFORM: Credential = { source: 'PLATFORM', secret: 'platform-key' };
const own = (secret: string, source: 'REQUEST_KEY' | 'STORED_KEY' = 'REQUEST_KEY'): Credential => ({ source, secret });
const MINUTE = 60_000;

const voice = (id: string, name = id): ProviderVoice => ({
  id,
  name,
  languages: [],
  gender: null,
  description: null,
  previewUrl: null,
});

/** A provider whose list is what the test says at the time, for the credential that asks. */
class ListedProvider {
  asked: (string | null)[] = [];
  answer: (credential: Credential) => Promise<readonly ProviderVoice[]> = async () => [voice('a')];
  readonly provider = {
    declaration: { provider: 'acme' },
    listVoices: (credential: Credential) => {
      this.asked.push(credential.secret);
      return this.answer(credential);
    },
  } as unknown as SpeechProvider;

  owner(credential: Credential, workspaceId = 'workspace-1'): VoiceListOwner {
    return { provider: this.provider, credential, workspaceId };
  }

  fail(kind: ProviderErrorKind): void {
    this.answer = async () => {
      throw new ProviderError({ provider: 'acme', kind, retryable: false, message: 'no' });
    };
  }
}

let clock: TestClock;
let catalogue: VoiceCatalogue;
let acme: ListedProvider;
beforeEach(() => {
  clock = new TestClock();
  catalogue = new VoiceCatalogue(clock);
  acme = new ListedProvider();
});
const settle = () => new Promise(setImmediate);
const idsOf = async (owner: VoiceListOwner) => (await catalogue.list(owner, 1_000))?.map(({ id }) => id) ?? null;

it('is asked once by many at the same time, and not again while it is fresh', async () => {
  const owner = acme.owner(PLATFORM);
  await Promise.all([idsOf(owner), idsOf(owner), catalogue.find(owner, 'a'), catalogue.find(owner, 'a')]);
  clock.advance(9 * MINUTE);
  expect(await catalogue.find(owner, 'a')).toMatchObject({ id: 'a' });
  expect(await idsOf(owner)).toEqual(['a']);
  expect(acme.asked).toHaveLength(1);
});

it('is renewed behind the caller’s back when it has grown old', async () => {
  const owner = acme.owner(PLATFORM);
  await idsOf(owner);
  acme.answer = async () => [voice('a'), voice('b')];
  clock.advance(11 * MINUTE);
  expect(await idsOf(owner)).toEqual(['a']);
  await settle();
  expect(await idsOf(owner)).toEqual(['a', 'b']);
  expect(acme.asked).toHaveLength(2);
});

it('that has grown old still serves while its provider fails, which is asked once a minute at most', async () => {
  const owner = acme.owner(PLATFORM);
  await idsOf(owner);
  acme.fail('UNAVAILABLE');
  clock.advance(11 * MINUTE);
  for (let second = 0; second < 50; second += 1) {
    expect(await idsOf(owner)).toEqual(['a']);
    await settle();
    clock.advance(1_000);
  }
  expect(acme.asked).toHaveLength(2);
  clock.advance(MINUTE);
  expect(await catalogue.find(owner, 'a')).toMatchObject({ id: 'a' });
  await settle();
  expect(acme.asked).toHaveLength(3);
});

it('that never came is left out at once until the provider is asked again', async () => {
  const owner = acme.owner(PLATFORM);
  acme.fail('UNAVAILABLE');
  expect(await idsOf(owner)).toBeNull();
  expect(await idsOf(owner)).toBeNull();
  expect(await catalogue.find(owner, 'a')).toBeUndefined();
  expect(acme.asked).toHaveLength(1);
  acme.answer = async () => [voice('a')];
  clock.advance(MINUTE);
  expect(await idsOf(owner)).toEqual(['a']);
});

it('that is slow is left out of this answer, and there for the next', async () => {
  const owner = acme.owner(PLATFORM);
  let arrive: (voices: readonly ProviderVoice[]) => void = () => {};
  acme.answer = () =>
    new Promise((resolve) => {
      arrive = resolve;
    });
  const first = idsOf(owner);
  clock.advance(1_000);
  expect(await first).toBeNull();
  arrive([voice('late')]);
  await settle();
  expect(await idsOf(owner)).toEqual(['late']);
  expect(acme.asked).toHaveLength(1);
});

it('that never ends is given up', async () => {
  const owner = acme.owner(PLATFORM);
  acme.answer = () => new Promise(() => {});
  const found = catalogue.find(owner, 'a');
  clock.advance(10_000);
  expect(await found).toBeUndefined();
});

it('of a key that its provider refuses is forgotten, however it was known before', async () => {
  const owner = acme.owner(own('revoked-upstream'));
  expect(await idsOf(owner)).toEqual(['a']);
  acme.fail('UNAUTHORIZED');
  clock.advance(11 * MINUTE);
  await idsOf(owner);
  await settle();
  expect(await idsOf(owner)).toBeNull();
  expect(catalogue.peek(owner, 'a')).toBeNull();
  expect(await catalogue.find(owner, 'a')).toBeUndefined();
});

it('of an own key is its workspace’s alone; the platform’s is shared', async () => {
  acme.answer = async ({ secret }) => [voice(`only-for-${secret}`)];
  expect(await idsOf(acme.owner(own('one'), 'workspace-1'))).toEqual(['only-for-one']);
  expect(await idsOf(acme.owner(own('two'), 'workspace-1'))).toEqual(['only-for-two']);
  // The same key is the same list, whether it was sent or stored; in another workspace it is asked for anew.
  expect(await idsOf(acme.owner(own('one', 'STORED_KEY'), 'workspace-1'))).toEqual(['only-for-one']);
  expect(acme.asked).toEqual(['one', 'two']);
  expect(catalogue.peek(acme.owner(own('one'), 'workspace-2'), 'only-for-one')).toBeNull();
  await idsOf(acme.owner(own('one'), 'workspace-2'));
  expect(acme.asked).toEqual(['one', 'two', 'one']);
  await idsOf(acme.owner(PLATFORM, 'workspace-1'));
  await idsOf(acme.owner(PLATFORM, 'workspace-2'));
  expect(acme.asked).toEqual(['one', 'two', 'one', 'platform-key']);
});

it('of own keys are bounded in number and size, never at the cost of the platform’s', async () => {
  acme.answer = async () => Array.from({ length: 4_000 }, (_, index) => voice(String(index)));
  await idsOf(acme.owner(PLATFORM));
  for (let key = 0; key < 30; key += 1) await idsOf(acme.owner(own(`key-${key}`)));
  expect(acme.asked).toHaveLength(31);
  expect(catalogue.peek(acme.owner(own('key-0')), '1')).toBeNull();
  expect(catalogue.peek(acme.owner(own('key-29')), '1')).not.toBeNull();
  expect(catalogue.peek(acme.owner(PLATFORM), '1')).not.toBeNull();
});

it('keeps no key in the clear', async () => {
  await idsOf(acme.owner(own('canary-own-key')));
  const seen = new Set<unknown>();
  const texts: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === 'string') texts.push(value);
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Map) for (const entry of value) walk(entry);
    else for (const item of Object.values(value)) walk(item);
  };
  walk(catalogue);
  expect(texts.length).toBeGreaterThan(3);
  expect(texts.filter((text) => text.includes('canary'))).toEqual([]);
});

it('is in the order of names, without regard to case, then of ids; nameless ids and those no input takes are left out', async () => {
  acme.answer = async () => [
    voice('3', 'beta'),
    voice('2', 'Alpha'),
    voice('1', 'alpha'),
    voice('', 'nobody'),
    voice('x'.repeat(201), 'too long'),
  ];
  expect(await idsOf(acme.owner(PLATFORM))).toEqual(['1', '2', '3']);
});

it('that is a window on more voices refuses no id, makes nobody wait, and is not asked again for one it does not have', async () => {
  const { declaration } = acme.provider;
  (acme as { provider: SpeechProvider }).provider = Object.assign(acme.provider, {
    declaration: { ...declaration, listsEveryVoice: false },
  });
  const owner = acme.owner(PLATFORM);
  let arrive: (voices: readonly ProviderVoice[]) => void = () => {};
  acme.answer = () =>
    new Promise((resolve) => {
      arrive = resolve;
    });
  expect(await catalogue.find(owner, 'a')).toBeUndefined();
  arrive([voice('a')]);
  await settle();
  await settle();
  expect(await catalogue.find(owner, 'a')).toMatchObject({ id: 'a' });
  clock.advance(2 * MINUTE);
  expect(await catalogue.find(owner, 'beyond the window')).toBeUndefined();
  expect(acme.asked).toHaveLength(1);
});
