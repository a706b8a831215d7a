import { OpenApiDocument, openApiDocument } from './openapi';

/** A document of one operation whose body is `schema`. */
function bodyOf(schema: object, schemas: object = {}): (json: unknown) => string[] {
  const document = new OpenApiDocument({
    paths: { '/a': { post: { requestBody: { content: { 'application/json': { schema } } } } } },
    components: { schemas },
  });
  return (json) => document.requestFaults('post', '/a', '/a', json);
}

const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
const text = { type: 'string' };

describe('a property that is not named is a fault', () => {
  it.each<[string, object, object, string[]]>([
    ['at the top', object({ a: text }), { a: 'x', b: 1 }, ['body.b: unknown']],
    ['inside an object', object({ a: object({ b: text }) }), { a: { c: 1 } }, ['body.a.c: unknown']],
    [
      'inside a list',
      object({ a: { type: 'array', items: object({ b: text }) } }),
      { a: [{}, { c: 1 }] },
      ['body.a[1].c: unknown'],
    ],
    ['behind a reference', { $ref: '#/components/schemas/Named' }, { a: 'x', b: 1 }, ['body.b: unknown']],
    [
      'of a whole that has several parts',
      { allOf: [{ $ref: '#/components/schemas/Named' }, object({ b: text })] },
      { a: 'x', b: 'y', c: 1 },
      ['body.c: unknown'],
    ],
    [
      'of any alternative',
      { anyOf: [object({ b: text }), { $ref: '#/components/schemas/Named' }] },
      { c: 1 },
      ['body.c: unknown', 'body: must match a schema in anyOf'],
    ],
    [
      'though one alternative names one and another the other',
      { oneOf: [object({ b: text }), object({ c: text })] },
      { b: 'x', c: 'y' },
      ['body.c: unknown', 'body.b: unknown', 'body: must match a schema in anyOf'],
    ],
  ])('%s', (_name, schema, json, faults) => {
    expect(bodyOf(schema, { Named: object({ a: text }) })(json)).toEqual(faults);
  });

  it.each<[string, object, object]>([
    ['the schema says that there may be others', object({ a: text }, { additionalProperties: true }), { b: 1 }],
    ['others are described', object({ a: text }, { additionalProperties: text }), { b: 'x' }],
    ['nothing is said of the object', object({ a: { type: 'object' } }), { a: { b: 1 } }],
    ['a part may hold anything', { allOf: [object({ a: text }), { type: 'object' }] }, { b: 1 }],
    [
      'a part only requires',
      { ...object({ a: text, b: text }), anyOf: [{ required: ['a'] }, { required: ['b'] }] },
      { b: 'x' },
    ],
  ])('unless %s', (_name, schema, json) => {
    expect(bodyOf(schema)(json)).toEqual([]);
  });

  it('also in a schema that holds itself', () => {
    const faults = bodyOf(
      { $ref: '#/components/schemas/Tree' },
      { Tree: object({ child: { $ref: '#/components/schemas/Tree' } }) },
    );
    expect(faults({ child: { child: {} } })).toEqual([]);
    expect(faults({ child: { child: { leaf: 1 } } })).toEqual(['body.child.child.leaf: unknown']);
  });
});

describe('what OpenAPI 3.0 writes in its own way', () => {
  it.each<[string, object, unknown, boolean]>([
    ['a type that may be null', { type: 'string', nullable: true }, null, true],
    ['a type that may not', text, null, false],
    ['a list of values that may be null', { type: 'string', enum: ['x'], nullable: true }, null, true],
    ['a reference that may be null', { $ref: '#/components/schemas/Named', nullable: true }, null, true],
    ['the lower bound itself, when it is excluded', { type: 'number', minimum: 1, exclusiveMinimum: true }, 1, false],
    ['the lower bound itself', { type: 'number', minimum: 1, exclusiveMinimum: false }, 1, true],
    ['what fits several alternatives', { oneOf: [{ type: 'number' }, { type: 'integer' }] }, 5, true],
  ])('%s', (_name, schema, value, valid) => {
    const faults = bodyOf(object({ a: schema }), { Named: object({}) })({ a: value });
    expect(faults.length === 0).toBe(valid);
  });
});

describe('addresses', () => {
  const document = new OpenApiDocument({
    servers: [{ url: 'https://a.example' }, { url: 'https://b.example/api/v2/' }],
    components: { parameters: { Shared: { name: 'shared', in: 'query', schema: { type: 'boolean' } } } },
    paths: {
      '/v/{id}:run': {
        parameters: [{ name: 'x-version', in: 'header', required: true, schema: { enum: ['1'] } }],
        get: {
          parameters: [
            { $ref: '#/components/parameters/Shared' },
            { name: 'page', in: 'query', required: true, schema: { type: 'integer' } },
            { name: 'tag', in: 'query', schema: { type: 'array', items: text } },
          ],
        },
      },
    },
  });
  const faults = (path: string, json?: unknown) => document.requestFaults('get', '/v/{id}:run', path, json);

  it.each([
    ['/v/1:run?page=2', []],
    ['/api/v2/v/1:run?page=2&shared=true&tag=a&tag=b', []],
    ['/v/1:run?page=2&tag=a', []],
    ['/v/1/2:run?page=2', ['/v/1/2:run is not /v/{id}:run']],
    ['/v/1-run?page=2', ['/v/1-run is not /v/{id}:run']],
    ['/other/v/1:run?page=2', ['/other/v/1:run is not /v/{id}:run']],
    ['/v/1:run', ['query page: missing']],
    ['/v/1:run?page=two', ['query page: must be integer']],
    ['/v/1:run?page=2&size=5', ['query size: unknown']],
    ['/v/1:run?page=2&shared=maybe', ['query shared: must be boolean']],
  ])('%s has the faults %j', (path, expected) => {
    expect(faults(path)).toEqual(expected);
  });

  it('a body that is not documented is a fault, and so is an operation', () => {
    expect(faults('/v/1:run?page=2', {})).toEqual(['body: not documented']);
    expect(document.requestFaults('post', '/v/{id}:run', '/v/1:run', {})).toEqual([
      'post /v/{id}:run is not documented',
    ]);
  });

  it('headers are held to what the document requires', () => {
    expect(document.headerFaults('get', '/v/{id}:run', { 'X-Version': '1', other: 'x' })).toEqual([]);
    expect(document.headerFaults('get', '/v/{id}:run', { 'x-version': '2' })).not.toEqual([]);
    expect(document.headerFaults('get', '/v/{id}:run', {})).toEqual(['header x-version: missing']);
  });
});

describe('multipart forms', () => {
  const form = {
    type: 'object',
    required: ['file', 'model'],
    properties: {
      file: { type: 'string', format: 'binary' },
      model: { anyOf: [{ type: 'string', enum: ['m'] }] },
      temperature: { type: 'number', minimum: 0, maximum: 1 },
      diarize: { type: 'boolean' },
      words: { type: 'array', items: { type: 'string', enum: ['word', 'segment'] } },
      chunking: { type: 'object', properties: { type: text } },
    },
  };
  const document = new OpenApiDocument({
    paths: {
      '/a': {
        post: {
          requestBody: { content: { 'multipart/form-data': { schema: { $ref: '#/components/schemas/Form' } } } },
        },
      },
    },
    components: { schemas: { Form: form } },
  });
  const needed = [
    { name: 'file', fileName: 'a.wav' },
    { name: 'model', value: 'm' },
  ];
  const faults = (...fields: { name: string; value?: string; fileName?: string }[]) =>
    document.formFaults('post', '/a', '/a', [...needed, ...fields]);

  it.each([
    ['a number', [{ name: 'temperature', value: '0.5' }]],
    ['a flag', [{ name: 'diarize', value: 'true' }]],
    ['a list of one', [{ name: 'words', value: 'word' }]],
    [
      'a list of two',
      [
        { name: 'words', value: 'word' },
        { name: 'words', value: 'segment' },
      ],
    ],
    ['a list in brackets', [{ name: 'words[]', value: 'word' }]],
    ['a document', [{ name: 'chunking', value: '{"type":"auto"}' }]],
  ])('%s is read out of text', (_name, fields) => {
    expect(faults(...fields)).toEqual([]);
  });

  it.each([
    ['an unknown field', [{ name: 'extra', value: 'x' }], ['form.extra: unknown']],
    ['a number out of range', [{ name: 'temperature', value: '2' }], ['form.temperature: must be number']],
    ['a value that is not on the list', [{ name: 'words', value: 'char' }], ['form.words: must be array']],
    [
      'a file where there is none',
      [{ name: 'diarize', fileName: 'x' }],
      ['form.diarize: a file is not documented', 'form.diarize: must be boolean'],
    ],
    [
      'an unknown property of a document',
      [{ name: 'chunking', value: '{"kind":"auto"}' }],
      ['form.chunking: must be object'],
    ],
  ])('%s is a fault', (_name, fields, expected) => {
    expect(faults(...fields)).toEqual(expected);
  });

  it('a file that is sent as text is a fault, and so is a missing field', () => {
    expect(document.formFaults('post', '/a', '/a', [{ name: 'file', value: 'bytes' }])).toEqual([
      'form.file: not a file',
      'form.model: missing',
    ]);
  });
});

const openAi = openApiDocument('openai.yaml');
(openAi === null ? describe.skip : describe)("providers' own files (skipped where PROVIDER_SPECS_DIR has none)", () => {
  it('YAML is read, and composed schemas of a real file are closed', () => {
    const chat = { model: 'gpt-5', messages: [{ role: 'user', content: 'Hi' }] };
    const path = '/v1/chat/completions';
    expect(openAi!.requestFaults('post', '/chat/completions', path, chat)).toEqual([]);
    expect(openAi!.requestFaults('post', '/chat/completions', path, { ...chat, nonsense: 1 })).toContain(
      'body.nonsense: unknown',
    );
    expect(openAi!.requestFaults('post', '/chat/completions', path, { model: 'gpt-5' })).toContain(
      'body.messages: missing',
    );
  });

  it('the form of a real file is held to it', () => {
    const fields = [
      { name: 'file', fileName: 'a.wav' },
      { name: 'model', value: 'whisper-1' },
      { name: 'response_format', value: 'verbose_json' },
      { name: 'timestamp_granularities[]', value: 'word' },
      { name: 'temperature', value: '0' },
    ];
    const faults = (...more: { name: string; value: string }[]) =>
      openAi!.formFaults('post', '/audio/transcriptions', '/v1/audio/transcriptions', [...fields, ...more]);
    expect(faults()).toEqual([]);
    expect(faults({ name: 'diarize', value: 'true' })).toEqual(['form.diarize: unknown']);
    expect(faults({ name: 'timestamp_granularities[]', value: 'char' })).not.toEqual([]);
  });

  it.each([
    ['anthropic.yaml'],
    ['cartesia.yaml'],
    ['deepgram.yaml'],
    ['elevenlabs.json'],
    ['fish-audio.json'],
    ['groq.yaml'],
    ['mistral.yaml'],
    ['resemble.yaml'],
  ])('every operation of %s can be checked', (fileName) => {
    const document = openApiDocument(fileName)!;
    const checked = document
      .operations()
      .filter(({ method, template }) => document.requestFaults(method, template, '/', {}).length > 0);
    expect(checked.length).toBeGreaterThan(3);
  });
});
