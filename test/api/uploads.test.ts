import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { TestClock } from '../support/test-clock';
import type { TestServer, TestWorkspace } from '../support/test-server';
import { expectWellFormedErrors } from './support/speech-api';
import {
  createUpload,
  put,
  refusedTranscription,
  SAID,
  startTranscriptionServer,
  tokenClient,
  transcribe,
  type UploadFields,
  upload,
  wavOf,
} from './support/transcription-api';

const clock = new TestClock();
let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTranscriptionServer({ clock });
});
beforeEach(async () => {
  workspace = await server.createWorkspace({ plan: 'scale' });
});
afterAll(() => server?.close());

const BYTES = wavOf(1_000);
const AUDIO = { purpose: 'AUDIO', contentType: 'audio/wav', sizeBytes: BYTES.length } as const;
const made = async (input: object = {}, client: TestWorkspace = workspace): Promise<UploadFields> =>
  (await createUpload(client, { ...AUDIO, ...input })).data!.createUpload!.upload;
const stored = (): string[] => {
  const folder = path.join(server.data.dataDirectory, 'uploads');
  return existsSync(folder) ? readdirSync(folder) : [];
};
const use = (id: string) => ({ provider: 'openai', audio: { uploadId: id } });

it('takes a file under a signed address, without a key, and transcribes it', async () => {
  const { id, url, headers, expiresAt } = await made();
  expect(url).toMatch(new RegExp(`^${server.url}/uploads/${id}\\?expires=\\d+&signature=[\\w-]{43}$`));
  expect(headers).toEqual([{ name: 'content-type', value: 'audio/wav' }]);
  const lifetime = Date.parse(expiresAt) - Date.now();
  expect(lifetime).toBeGreaterThan(800_000);
  expect(lifetime).toBeLessThan(1_000_000);
  const sent = await put(server, { id, url, headers, expiresAt }, BYTES, {
    'content-type': 'audio/wav',
    origin: 'https://app.example.com',
  });
  expect([sent.status, sent.body.length]).toEqual([204, 0]);
  expect(sent.headers).toMatchObject({
    'cache-control': 'no-store',
    'access-control-allow-origin': 'https://app.example.com',
  });
  expect((await transcribe(workspace, use(id))).transcription.text).toBe(SAID);
});

it('is removed from the disk once a transcription of it has succeeded, and not before', async () => {
  const { id } = await upload(server, workspace);
  const before = stored().length;
  server.stub.fault(() => ({ kind: 'answer', status: 400, body: { error: { message: 'no' } } }));
  await refusedTranscription(workspace, use(id));
  expect(stored()).toHaveLength(before);
  server.stub.fault(null);
  await transcribe(workspace, use(id));
  expect(stored()).toHaveLength(before - 1);
  expect((await refusedTranscription(workspace, use(id))).extensions.code).toBe('NOT_FOUND');
});

it('serves several operations that use it at the same time', async () => {
  const { id } = await upload(server, workspace);
  const answers = await Promise.all(
    ['openai', 'groq', 'mistral'].map((provider) => transcribe(workspace, { ...use(id), provider })),
  );
  expect(answers.map(({ usage }) => usage.status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED']);
});

describe('createUpload refuses', () => {
  it.each<[string, object, string, string]>([
    ['a type that is none', { contentType: 'wav' }, 'BAD_USER_INPUT', 'contentType'],
    ['a type with a line break', { contentType: 'audio/wav\r\nx-a: b' }, 'BAD_USER_INPUT', 'contentType'],
    ['a type of another purpose', { contentType: 'application/pdf' }, 'UNSUPPORTED', 'contentType'],
    ['audio as a document', { purpose: 'DOCUMENT' }, 'UNSUPPORTED', 'contentType'],
    ['nothing', { sizeBytes: 0 }, 'BAD_USER_INPUT', 'sizeBytes'],
    ['less than nothing', { sizeBytes: -5 }, 'BAD_USER_INPUT', 'sizeBytes'],
    ['more than 100 MiB', { sizeBytes: 104_857_601 }, 'PAYLOAD_TOO_LARGE', 'sizeBytes'],
    [
      'a document of more than 20 MiB',
      { purpose: 'DOCUMENT', contentType: 'text/plain', sizeBytes: 20_971_521 },
      'PAYLOAD_TOO_LARGE',
      'sizeBytes',
    ],
  ])('%s', async (_name, input, code, field) => {
    const refused = await createUpload(workspace, { ...AUDIO, ...input });
    expectWellFormedErrors(refused);
    expect(refused.errors![0]!.extensions).toMatchObject({ code, field });
  });

  it('without a key, without the scope, and for a capability that a token lacks', async () => {
    expect((await createUpload(server.anonymous, AUDIO)).code).toBe('UNAUTHENTICATED');
    const speaker = await tokenClient(server, workspace, { capabilities: ['TEXT_TO_SPEECH'] });
    expect((await createUpload(speaker, AUDIO)).code).toBe('FORBIDDEN');
    const listener = await tokenClient(server, workspace);
    expect((await createUpload(listener, { ...AUDIO, purpose: 'VOICE_REFERENCE' })).code).toBe('FORBIDDEN');
    expect((await createUpload(listener, AUDIO)).errors).toBeUndefined();
  });

  it('more than a hundred that wait, until one is used', async () => {
    const { id } = await upload(server, workspace);
    for (let open = 1; open < 100; open++) await made();
    const refused = await createUpload(workspace, AUDIO);
    expect(refused.errors![0]!.extensions).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterSeconds: expect.any(Number),
    });
    await transcribe(workspace, use(id));
    expect((await createUpload(workspace, AUDIO)).errors).toBeUndefined();
  });

  it('more than 2 GiB that wait', async () => {
    for (let open = 0; open < 20; open++) await made({ sizeBytes: 104_857_600 });
    expect((await createUpload(workspace, { ...AUDIO, sizeBytes: 104_857_600 })).code).toBe('RATE_LIMITED');
    expect((await createUpload(workspace, AUDIO)).errors).toBeUndefined();
  });
});

describe('PUT refuses, and the address stays as it was', () => {
  const told = (answer: { readonly body: Buffer }) =>
    JSON.parse(answer.body.toString()) as { error: string; code: string };

  it.each<[string, (upload: UploadFields) => UploadFields, number]>([
    ['another signature', (own) => ({ ...own, url: own.url.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')) }), 404],
    ['no signature', (own) => ({ ...own, url: own.url.replace(/&signature=.*/, '') }), 404],
    ['a later expiry', (own) => ({ ...own, url: own.url.replace(/expires=\d/, 'expires=9') }), 404],
    [
      'another id',
      (own) => ({ ...own, url: own.url.replace(/[0-9a-f]\?/, (last) => (last === '0?' ? '1?' : '0?')) }),
      404,
    ],
    [
      'a path for an id',
      (own) => ({ ...own, url: own.url.replace(/uploads\/[^?]+/, 'uploads/..%2f..%2fetc%2fpasswd') }),
      404,
    ],
  ])('%s', async (_name, change, status) => {
    const own = await made();
    const before = stored().length;
    const answer = await put(server, change(own), BYTES);
    expect(answer.status).toBe(status);
    expect(told(answer)).toEqual({ error: expect.stringMatching(/\S/), code: 'NOT_FOUND' });
    expect(stored()).toHaveLength(before);
    expect((await put(server, own, BYTES)).status).toBe(204);
  });

  it('another content type, fewer bytes and more bytes', async () => {
    const own = await made();
    const before = stored().length;
    expect((await put(server, own, BYTES, { 'content-type': 'audio/mpeg' })).status).toBe(415);
    expect((await put(server, own, BYTES, {})).status).toBe(415);
    expect((await put(server, own, BYTES.subarray(1))).status).toBe(400);
    expect((await put(server, own, Buffer.concat([BYTES, BYTES]))).status).toBe(413);
    expect((await put(server, own, Buffer.alloc(0))).status).toBe(400);
    expect(stored()).toHaveLength(before);
    expect((await refusedTranscription(workspace, use(own.id))).extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'audio.uploadId',
    });
    expect((await put(server, own, BYTES)).status).toBe(204);
  });

  it('bytes that are something else than was declared', async () => {
    const own = await made({ sizeBytes: 43 });
    for (const text of ['<!doctype html><html><body>Hi</body></html>', `{"a":"${'b'.repeat(35)}"}`]) {
      const answer = await put(server, own, Buffer.from(text));
      expect([answer.status, told(answer).code]).toEqual([415, 'UNSUPPORTED']);
    }
    const mp3 = await made({ contentType: 'audio/mpeg' });
    expect((await put(server, mp3, BYTES)).status).toBe(415);
  });

  it('a second sending', async () => {
    const own = await made();
    const both = await Promise.all([put(server, own, BYTES), put(server, own, BYTES)]);
    expect(both.map(({ status }) => status).sort()).toEqual([204, 409]);
    expect((await put(server, own, BYTES)).status).toBe(409);
  });

  it('a body that is longer than it was declared, however it comes', async () => {
    const own = await made();
    const before = stored().length;
    const { pathname, search, hostname, port } = new URL(own.url);
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname);
      let text = '';
      socket.on('data', (data) => {
        text += data;
      });
      socket.on('close', () => resolve(text));
      socket.on('error', () => {});
      socket.write(
        `PUT ${pathname}${search} HTTP/1.1\r\nhost: x\r\ncontent-type: audio/wav\r\ntransfer-encoding: chunked\r\n\r\n`,
      );
      const piece = Buffer.concat([BYTES, BYTES]);
      socket.write(`${piece.length.toString(16)}\r\n`);
      socket.write(piece);
      socket.write('\r\n0\r\n\r\n');
    });
    expect(answer).toContain('413');
    expect(stored()).toHaveLength(before);
    expect((await put(server, own, BYTES)).status).toBe(204);
  });

  it('a sender that leaves, which leaves nothing behind', async () => {
    const own = await made();
    const before = stored().length;
    const { pathname, search, hostname, port } = new URL(own.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `PUT ${pathname}${search} HTTP/1.1\r\nhost: x\r\ncontent-type: audio/wav\r\ncontent-length: ${BYTES.length}\r\n\r\n`,
    );
    socket.write(BYTES.subarray(0, 1_000));
    // It is being received once a second sending is refused.
    while ((await put(server, own, BYTES.subarray(1))).status !== 409);
    socket.destroy();
    let again = await put(server, own, BYTES);
    while (again.status === 409) again = await put(server, own, BYTES);
    expect(again.status).toBe(204);
    expect(stored()).toHaveLength(before + 1);
  });
});

describe('whose it is', () => {
  it('another workspace cannot use it, and cannot tell that it is there', async () => {
    const { id } = await upload(server, workspace);
    const other = await server.createWorkspace({ plan: 'scale' });
    const foreign = await refusedTranscription(other, use(id));
    const missing = await refusedTranscription(other, use('01890000-0000-7000-8000-000000000000'));
    const odd = await refusedTranscription(other, use('../../etc/passwd'));
    expect(foreign.extensions.code).toBe('NOT_FOUND');
    expect([foreign.message, foreign.message]).toEqual([missing.message, odd.message]);
    expect((await transcribe(workspace, use(id))).usage.status).toBe('SUCCEEDED');
  });

  it("a client token's is its own; a key sees all of its workspace", async () => {
    const [one, another] = await Promise.all([tokenClient(server, workspace), tokenClient(server, workspace)]);
    const { id } = await upload(server, one);
    const ofKey = await upload(server, workspace);
    expect((await refusedTranscription(another, use(id))).extensions.code).toBe('NOT_FOUND');
    expect((await refusedTranscription(one, use(ofKey.id))).extensions.code).toBe('NOT_FOUND');
    expect((await transcribe(one, use(id))).usage.status).toBe('SUCCEEDED');
    const second = await upload(server, one);
    expect((await transcribe(workspace, use(second.id))).usage.status).toBe('SUCCEEDED');
  });

  it('one for documents is no audio', async () => {
    const text = Buffer.from('Some words.');
    const own = await made({ purpose: 'DOCUMENT', contentType: 'text/plain', sizeBytes: text.length });
    expect((await put(server, own, text)).status).toBe(204);
    const { message, extensions } = await refusedTranscription(workspace, use(own.id));
    expect(extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'audio.uploadId' });
    expect(message).toContain('DOCUMENT');
  });
});

it('is removed 24 hours after it came, and what is left of a used one an hour later', async () => {
  const [waiting, kept, used, young] = [
    await made(),
    await upload(server, workspace),
    await upload(server, workspace),
    await upload(server, workspace),
  ];
  await transcribe(workspace, use(used.id));
  const before = stored().length;
  await server.database.query(
    `UPDATE uploads SET expires_at = expires_at - interval '26 hours', received_at = received_at - interval '26 hours',
       used_at = used_at - interval '26 hours' WHERE id = ANY ($1)`,
    [[waiting.id, kept.id, used.id]],
  );
  await server.container.upkeep();
  const { rows } = await server.database.query<{ id: string }>('SELECT id FROM uploads WHERE workspace_id = $1', [
    workspace.workspaceId,
  ]);
  expect(rows.map(({ id }) => id)).toEqual([young.id]);
  expect(stored()).toHaveLength(before - 1);
  expect((await transcribe(workspace, use(young.id))).usage.status).toBe('SUCCEEDED');
});

it('takes nothing after its 15 minutes', async () => {
  const own = await made();
  // The database's clock does not stand still.
  await clock.advanceAsync(1_200_000);
  expect((await put(server, own, BYTES)).status).toBe(404);
});
