import type { GraphqlAnswer } from '../support/graphql-client';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { expectRefusalWithoutTrace, HELLO, synthesize } from './support/speech-api';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ storm: true });
  workspace = server.client;
  await server.grant(workspace.workspaceId, '100000');
});
afterAll(() => server?.close());

const expectNothingHappened = (refused: () => Promise<GraphqlAnswer<unknown>>): Promise<GraphqlAnswer<unknown>> =>
  expectRefusalWithoutTrace(server, workspace, refused);

const SPEAKS = [
  'speak',
  'p',
  's',
  'break',
  'sub',
  'prosody',
  'emphasis',
  'say-as',
  'phoneme',
  'lang',
  'mark',
  'desc',
  'metadata',
  'meta',
];

describe('an input that cannot be served is refused by its field alone, with HTTP 200', () => {
  const text = (value: string) => ({ text: value });
  const ssml = (value: string) => ({ text: value, textType: 'SSML' });
  const badText = { code: 'BAD_USER_INPUT', field: 'text' };

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['an empty text', text(''), badText],
    ['white space alone', text(' \n\t\u00a0'), badText],
    ['characters that sound nothing', text('\u200b\u200d\ufeff'), badText],
    [
      'a text that is one character too long',
      text('a'.repeat(100_001)),
      { code: 'TEXT_TOO_LONG', limit: 100_000, actual: 100_001 },
    ],
    [
      'a text whose code points are too many',
      text('🎈'.repeat(100_002)),
      { code: 'TEXT_TOO_LONG', limit: 100_000, actual: 100_002 },
    ],
    ['half of a surrogate pair', text('a\ud800b'), badText],
    ['the other half', text('a\udc00b'), badText],
    ['halves in the wrong order', text('a\udc00\ud800b'), badText],
    ['NUL', text('a\u0000b'), badText],
    ['a bell', text('a\u0007b'), badText],
    ['DEL', text('a\u007fb'), badText],
    ['a C1 control character', text('a\u0085b'), badText],
    ['SSML that does not end', ssml('<speak>Hello'), badText],
    ['SSML whose elements cross', ssml('<speak><p><s>Hello</p></s></speak>'), badText],
    ['SSML that is plain text', ssml('Hello'), badText],
    ['SSML with two roots', ssml('<speak>one</speak><speak>two</speak>'), badText],
    ['SSML with another root', ssml('<p>Hello</p>'), badText],
    ['SSML with an unknown entity', ssml('<speak>a &nobody; b</speak>'), badText],
    ['SSML with a bare ampersand', ssml('<speak>a & b</speak>'), badText],
    ['SSML that declares entities', ssml('<!DOCTYPE speak [<!ENTITY a "b">]><speak>&a;</speak>'), badText],
    ['SSML that writes a control character', ssml('<speak>a&#7;b</speak>'), badText],
    ['SSML that says nothing', ssml('<speak><break time="1s"/></speak>'), badText],
    ['SSML with a pause of 11 s', ssml('<speak>a<break time="11s"/>b</speak>'), badText],
    [
      'SSML with pauses of 61 s',
      ssml(`<speak>a${'<break time="10s"/>'.repeat(6)}<break time="1s"/>b</speak>`),
      badText,
    ],
    [
      'SSML that plays a recording',
      ssml('<speak>a<audio src="https://example.com/a.mp3"/></speak>'),
      { code: 'UNSUPPORTED', element: 'audio', supported: SPEAKS },
    ],
    [
      'SSML with a lexicon',
      ssml('<speak><lexicon uri="https://example.com/l.pls"/>a</speak>'),
      { code: 'UNSUPPORTED', element: 'lexicon', supported: SPEAKS },
    ],
    [
      'SSML with an element that nobody knows',
      ssml('<speak><whisper>a</whisper></speak>'),
      { code: 'UNSUPPORTED', element: 'whisper', supported: SPEAKS },
    ],
    [
      'SSML that the provider does not honour',
      { ...ssml('<speak><prosody rate="fast">a</prosody></speak>'), provider: 'elevenlabs' },
      { code: 'UNSUPPORTED', field: 'text', supported: ['speak', 'p', 's', 'sub', 'break'] },
    ],
    [
      'a provider that nobody knows',
      { ...HELLO, provider: 'nobody' },
      {
        code: 'BAD_USER_INPUT',
        field: 'provider',
        supported: expect.arrayContaining(['local', 'elevenlabs', 'kokoro']),
      },
    ],
    ['a provider without a name', { ...HELLO, provider: '' }, { code: 'BAD_USER_INPUT', field: 'provider' }],
    [
      'a provider under the name of a property of objects',
      { ...HELLO, provider: '__proto__' },
      { code: 'BAD_USER_INPUT', field: 'provider' },
    ],
    [
      'a model that the provider does not have',
      { ...HELLO, model: 'eleven_v99' },
      {
        code: 'BAD_USER_INPUT',
        field: 'model',
        supported: [
          'elevenlabs/eleven_multilingual_v2',
          'elevenlabs/eleven_flash_v2_5',
          'elevenlabs/eleven_flash_v2',
          'elevenlabs/eleven_turbo_v2_5',
          'elevenlabs/eleven_turbo_v2',
          'elevenlabs/eleven_v3',
        ],
      },
    ],
    ['a model of another provider', { ...HELLO, model: 'kokoro/kokoro' }, { code: 'BAD_USER_INPUT', field: 'model' }],
    [
      'a voice that ElevenLabs does not have',
      { ...HELLO, voice: 'nobody' },
      { code: 'BAD_USER_INPUT', field: 'voice' },
    ],
    [
      'a voice that Kokoro does not have',
      { ...HELLO, provider: 'kokoro', voice: 'af_nobody' },
      { code: 'BAD_USER_INPUT', field: 'voice' },
    ],
    [
      'a voice that the built-in engine does not have',
      { ...HELLO, provider: 'local', voice: 'nobody' },
      { code: 'BAD_USER_INPUT', field: 'voice' },
    ],
    [
      'a voice of another provider, by its full name',
      { ...HELLO, voice: 'kokoro/af_heart' },
      { code: 'BAD_USER_INPUT', field: 'voice' },
    ],
    [
      'a voice of another provider, by its bare name',
      { ...HELLO, voice: 'af_heart' },
      { code: 'BAD_USER_INPUT', field: 'voice' },
    ],
    [
      'a model and a voice of two providers',
      { text: 'Hello.', model: 'elevenlabs/eleven_v3', voice: 'kokoro/af_heart' },
      { code: 'BAD_USER_INPUT', field: 'voice' },
    ],
    [
      'a voice that climbs out of its path',
      { ...HELLO, voice: '../voices' },
      { code: 'BAD_USER_INPUT', field: 'voice' },
    ],
    ['a speed of 0', { ...HELLO, speed: 0 }, { code: 'BAD_USER_INPUT', field: 'speed' }],
    ['a speed below 0', { ...HELLO, speed: -1 }, { code: 'BAD_USER_INPUT', field: 'speed' }],
    ['a speed above what ElevenLabs takes', { ...HELLO, speed: 1.21 }, { code: 'BAD_USER_INPUT', field: 'speed' }],
    ['a speed below what ElevenLabs takes', { ...HELLO, speed: 0.69 }, { code: 'BAD_USER_INPUT', field: 'speed' }],
    [
      'a speed above what Kokoro takes',
      { ...HELLO, provider: 'kokoro', speed: 4.01 },
      { code: 'BAD_USER_INPUT', field: 'speed' },
    ],
    [
      'a speed above what the built-in engine takes',
      { ...HELLO, provider: 'local', speed: 2.01 },
      { code: 'BAD_USER_INPUT', field: 'speed' },
    ],
    [
      'a format that the built-in engine does not make',
      { ...HELLO, provider: 'local', format: 'MP3' },
      { code: 'UNSUPPORTED', field: 'format', supported: ['WAV', 'PCM', 'MULAW'] },
    ],
    [
      'a format that ElevenLabs does not make',
      { ...HELLO, format: 'FLAC' },
      { code: 'UNSUPPORTED', field: 'format', supported: ['MP3', 'WAV', 'OGG_OPUS', 'PCM', 'MULAW'] },
    ],
    [
      'a format that Kokoro does not make',
      { ...HELLO, provider: 'kokoro', format: 'MULAW' },
      { code: 'UNSUPPORTED', field: 'format', supported: ['MP3', 'WAV', 'OGG_OPUS', 'FLAC', 'PCM'] },
    ],
    [
      'a sample rate that the provider does not make',
      { ...HELLO, provider: 'kokoro', sampleRate: 44_100 },
      { code: 'UNSUPPORTED', field: 'sampleRate', supported: [24_000] },
    ],
    ['a sample rate below 0', { ...HELLO, sampleRate: -24_000 }, { code: 'BAD_USER_INPUT', field: 'sampleRate' }],
    ['a style', { ...HELLO, style: 'cheerful' }, { code: 'UNSUPPORTED', field: 'style' }],
    ['a quality of the first party', { ...HELLO, quality: 'ULTRA' }, { code: 'UNSUPPORTED', field: 'quality' }],
    ['a language that is no tag', { ...HELLO, language: 'in English' }, { code: 'BAD_USER_INPUT', field: 'language' }],
    [
      'a language that the model does not speak',
      { ...HELLO, model: 'eleven_flash_v2', language: 'de' },
      { code: 'UNSUPPORTED', field: 'language', supported: ['en'] },
    ],
    ['a negative amount', { ...HELLO, maxCredits: '-1' }, { code: 'BAD_USER_INPUT', field: 'maxCredits' }],
    [
      'an amount of seven decimals',
      { ...HELLO, maxCredits: '1.0000001' },
      { code: 'BAD_USER_INPUT', field: 'maxCredits' },
    ],
    [
      'an amount beyond every balance',
      { ...HELLO, maxCredits: '99999999999999999999' },
      { code: 'BAD_USER_INPUT', field: 'maxCredits' },
    ],
    ['an empty idempotency key', { ...HELLO, idempotencyKey: '' }, { code: 'BAD_USER_INPUT', field: 'idempotencyKey' }],
    [
      'an idempotency key of 256 characters',
      { ...HELLO, idempotencyKey: 'k'.repeat(256) },
      { code: 'BAD_USER_INPUT', field: 'idempotencyKey' },
    ],
    [
      'an idempotency key with a line end',
      { ...HELLO, idempotencyKey: 'a\nb' },
      { code: 'BAD_USER_INPUT', field: 'idempotencyKey' },
    ],
    [
      'an idempotency key that is half a character',
      { ...HELLO, idempotencyKey: 'a\ud800' },
      { code: 'BAD_USER_INPUT', field: 'idempotencyKey' },
    ],
    [
      'an end user of 129 characters',
      { ...HELLO, endUserId: 'u'.repeat(129) },
      { code: 'BAD_USER_INPUT', field: 'endUserId' },
    ],
    ['an end user with a NUL', { ...HELLO, endUserId: 'a\u0000' }, { code: 'BAD_USER_INPUT', field: 'endUserId' }],
    [
      'an end user that is half a character',
      { ...HELLO, endUserId: '\udfff' },
      { code: 'BAD_USER_INPUT', field: 'endUserId' },
    ],
    [
      'metadata of 17 keys',
      { ...HELLO, metadata: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v'])) },
      { code: 'BAD_USER_INPUT', field: 'metadata' },
    ],
    ['metadata that holds a number', { ...HELLO, metadata: { a: 1 } }, { code: 'BAD_USER_INPUT', field: 'metadata' }],
    [
      'metadata of more than 2 kB',
      { ...HELLO, metadata: { a: 'v'.repeat(2_048) } },
      { code: 'BAD_USER_INPUT', field: 'metadata' },
    ],
    ['metadata with a NUL', { ...HELLO, metadata: { a: '\u0000' } }, { code: 'BAD_USER_INPUT', field: 'metadata' }],
    [
      'metadata with half a character',
      { ...HELLO, metadata: { a: '\ud800' } },
      { code: 'BAD_USER_INPUT', field: 'metadata' },
    ],
    [
      'less time than any speech takes',
      { ...HELLO, routing: { timeoutMs: 999 } },
      { code: 'BAD_USER_INPUT', field: 'routing.timeoutMs' },
    ],
    [
      'more time than there is',
      { ...HELLO, routing: { timeoutMs: 600_001 } },
      { code: 'BAD_USER_INPUT', field: 'routing.timeoutMs' },
    ],
  ])('%s', async (_name, input, expected) => {
    const answer = await expectNothingHappened(() => synthesize(workspace, input as { text: string }));
    expect(answer.errors![0]!.extensions).toMatchObject(expected);
    expect(answer.errors![0]).toMatchObject({ path: ['synthesizeSpeech'] });
    expect(answer).toMatchObject({ status: 200, data: { synthesizeSpeech: null } });
  });

  it('a message names what is supported, so that it can be read without the fields', async () => {
    const [format, speed] = await Promise.all([
      synthesize(workspace, { ...HELLO, format: 'FLAC' }),
      synthesize(workspace, { ...HELLO, speed: 3 }),
    ]);
    expect(format.errors![0]!.message).toContain('MP3, WAV, OGG_OPUS, PCM, MULAW');
    expect(speed.errors![0]!.message).toContain('0.7 to 1.2');
  });
});

describe('a value that its type does not take refuses the whole request, with HTTP 400', () => {
  it.each<[string, Record<string, unknown>]>([
    ['no text', { provider: 'local' }],
    ['a text that is null', { text: null }],
    ['a text that is a number', { text: 5 }],
    ['a field that there is not', { ...HELLO, volume: 11 }],
    ['a format that there is not', { ...HELLO, format: 'AAC' }],
    ['a format in small letters', { ...HELLO, format: 'mp3' }],
    ['a speed in words', { ...HELLO, speed: 'fast' }],
    ['a sample rate with a fraction', { ...HELLO, sampleRate: 24_000.5 }],
    ['an amount with an exponent', { ...HELLO, maxCredits: '1e3' }],
    ['an amount with a plus sign', { ...HELLO, maxCredits: '+1' }],
    ['an amount that ends in its point', { ...HELLO, maxCredits: '1.' }],
    ['an amount that begins with its point', { ...HELLO, maxCredits: '.5' }],
    ['an amount of two parts', { ...HELLO, maxCredits: '1,000' }],
    ['an amount in hexadecimal', { ...HELLO, maxCredits: '0x10' }],
    ['an amount with a space', { ...HELLO, maxCredits: ' 1' }],
    ['an amount that is empty', { ...HELLO, maxCredits: '' }],
    ['an amount that is no number', { ...HELLO, maxCredits: 'NaN' }],
    ['an amount that is a float', { ...HELLO, maxCredits: 1.5 }],
    ['an amount that is a truth', { ...HELLO, maxCredits: true }],
    ['metadata that is a list', { ...HELLO, metadata: ['a'] }],
  ])('%s as a variable', async (_name, input) => {
    const answer = await expectNothingHappened(() => synthesize(workspace, input as { text: string }));
    expect(answer).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' });
    expect(answer.data).toBeUndefined();
  });

  it.each([
    ['a float', '1.5'],
    ['an exponent', '1e3'],
    ['a malformed string', '"1.2.3"'],
    ['an enum', 'MANY'],
    ['a list', '[1, 2]'],
  ])('%s as an amount in the document', async (_name, literal) => {
    const document = `mutation { synthesizeSpeech(input: { text: "Hello.", maxCredits: ${literal} }) { replayed } }`;
    const answer = await expectNothingHappened(() => workspace.graphql(document));
    expect(answer).toMatchObject({ status: 400, code: 'GRAPHQL_VALIDATION_FAILED' });
  });

  it.each(['-1', '"-0.5"'])(
    'a negative amount in the document (%s) is refused like one in a variable',
    async (literal) => {
      const document = `mutation { synthesizeSpeech(input: { text: "Hello.", maxCredits: ${literal} }) { replayed } }`;
      const answer = await expectNothingHappened(() => workspace.graphql(document));
      expect(answer.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'maxCredits' });
    },
  );
});

describe('a header of own keys that no provider can be given refuses the whole request', () => {
  it.each([
    ['for a provider that there is not', { 'x-provider-key-nobody': 'secret-of-nobody' }, 'x-provider-key-nobody'],
    ['without a value', { 'x-provider-key-elevenlabs': '' }, 'x-provider-key-elevenlabs'],
    ['with a space inside', { 'x-provider-key-elevenlabs': 'secret one' }, 'x-provider-key-elevenlabs'],
    ['of 513 characters', { 'x-provider-key-elevenlabs': 'k'.repeat(513) }, 'x-provider-key-elevenlabs'],
  ])('%s', async (_name, headers, field) => {
    const answer = await expectNothingHappened(() => synthesize(workspace, HELLO, headers));
    expect(answer).toMatchObject({ status: 400, errors: [{ extensions: { code: 'BAD_USER_INPUT', field } }] });
    expect(JSON.stringify(answer.errors)).not.toMatch(/secret|kkkk/);
  });
});
