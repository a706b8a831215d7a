import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../src/lib/clock';
import type { AppError } from '../../src/lib/errors';
import { type FetchDependencies, fetchRecording } from '../../src/recordings/fetch-recording';
import { RECORDING_BYTES_MAX } from '../../src/recordings/limits';
import { RecordingFiles } from '../../src/recordings/recording-files';
import { TestClock } from '../support/test-clock';
import { scratchFolder } from './support/probed';

const folder = scratchFolder();
const files = new RecordingFiles(folder.path, systemClock);
let answer: RequestListener = (_request, response) => response.end();
let seen: IncomingMessage[] = [];
let server: Server;
let port = 0;
const waiting: (() => void)[] = [];
/** Resolves with the next request; to be asked for before it is sent. */
const nextRequest = (): Promise<void> =>
  new Promise((resolve) => {
    waiting.push(resolve);
  });

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
    for (const tell of waiting.splice(0)) tell();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
beforeEach(() => {
  seen = [];
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  folder.remove();
});

/** `audio.test` leads to the loopback server, and is let through. */
const fetchOf = (url: string, more: Partial<FetchDependencies> = {}, timeMs?: number) =>
  fetchRecording(
    url,
    {
      clock: systemClock,
      files,
      resolve: async () => ['127.0.0.1'],
      allowed: [`audio.test:${port}`],
      ...more,
    },
    timeMs,
  );
const refusalOf = (url: string, more?: Partial<FetchDependencies>, timeMs?: number): Promise<AppError> =>
  fetchOf(url, more, timeMs).then(
    () => {
      throw new Error('It was fetched.');
    },
    (error: AppError) => error,
  );
const here = (path = '/a.wav'): string => `http://audio.test:${port}${path}`;

it('brings the bytes, asks once, and speaks of the host by its name', async () => {
  answer = (_request, response) => response.end('the bytes');
  const { name, sizeBytes, sha256 } = await fetchOf(here('/a%20b.wav?signature=1'));
  expect(readFileSync(files.pathOf(name), 'utf8')).toBe('the bytes');
  expect([sizeBytes, sha256.length]).toEqual([9, 64]);
  expect(seen).toHaveLength(1);
  expect(seen[0]!.url).toBe('/a%20b.wav?signature=1');
  expect(seen[0]!.headers).toMatchObject({ host: `audio.test:${port}`, 'accept-encoding': 'identity' });
  expect(seen[0]!.headers).not.toHaveProperty('authorization');
});

it.each([
  'ftp://audio.test/a.wav',
  'file:///etc/passwd',
  'data:audio/wav;base64,AAAA',
  'gopher://audio.test/',
  'not a url',
  '',
  '//audio.test/a.wav',
  'http://user:secret@audio.test/a.wav',
  'https://token@audio.test/a.wav',
  'http://audio.test:0/a.wav',
  `https://audio.test/${'a'.repeat(2_048)}`,
])('refuses %s by its text', async (url) => {
  const refusal = await refusalOf(url);
  expect(refusal).toMatchObject({ code: 'BAD_USER_INPUT', fields: { field: 'audio.url' } });
  expect(refusal.message).not.toContain('secret');
  expect(seen).toHaveLength(0);
});

describe('an address that is not public is never connected to', () => {
  it.each([
    'http://127.0.0.1',
    'http://localhost',
    'http://0.0.0.0',
    'http://2130706433',
    'http://0x7f.1',
    'http://0177.0.0.1',
    'http://127.1',
    'http://[::1]',
    'http://[::ffff:127.0.0.1]',
    'http://[64:ff9b::7f00:1]',
    'http://169.254.169.254',
    'http://10.1.2.3',
    'http://192.168.0.1',
    'http://[fd00::1]',
    'http://[fe80::1]',
  ])('%s', async (origin) => {
    const refusal = await refusalOf(`${origin}:${port}/a.wav`);
    expect(refusal).toMatchObject({ code: 'BAD_USER_INPUT', fields: { field: 'audio.url' } });
    expect(seen).toHaveLength(0);
  });

  it.each([
    [['127.0.0.1']],
    [['::1']],
    [['::ffff:127.0.0.1']],
    [['93.184.215.14', '127.0.0.1']],
    [['127.0.0.1', '93.184.215.14']],
    [['93.184.215.14', 'not an address']],
    [['fe80::1%lo']],
  ])('whatever DNS answers: %j', async (addresses) => {
    const refusal = await refusalOf(`http://rebound.test:${port}/a.wav`, { resolve: async () => addresses });
    expect(refusal.message).toContain('not public');
    expect(refusal.message).not.toMatch(/127|93\.184|::1/);
    expect(seen).toHaveLength(0);
  });

  it('and what was checked is what is connected to: the name is resolved once', async () => {
    answer = (_request, response) => response.end('the bytes');
    let asked = 0;
    const resolve = async (): Promise<string[]> => (++asked === 1 ? ['127.0.0.1'] : ['93.184.215.14']);
    await fetchOf(here(), { resolve });
    expect(asked).toBe(1);
    expect(seen).toHaveLength(1);
  });

  it('unless the operator allows exactly that host and port', async () => {
    answer = (_request, response) => response.end('the bytes');
    await fetchOf(`http://127.0.0.1:${port}/a.wav`, { allowed: [`127.0.0.1:${port}`] });
    await fetchOf(`http://AUDIO.test:${port}/a.wav`);
    expect(seen).toHaveLength(2);
    for (const allowed of [`127.0.0.1:${port + 1}`, `127.0.0.2:${port}`, `localhost:${port}`]) {
      expect((await refusalOf(`http://127.0.0.1:${port}/a.wav`, { allowed: [allowed] })).message).toContain(
        'not public',
      );
    }
    expect(seen).toHaveLength(2);
  });
});

it.each([301, 302, 303, 307, 308])('follows no redirect (%i), not even to where it may go', async (status) => {
  answer = (_request, response) => response.writeHead(status, { location: here('/elsewhere') }).end();
  const refusal = await refusalOf(here());
  expect(refusal).toMatchObject({ code: 'BAD_USER_INPUT' });
  expect(refusal.message).toContain('redirect');
  expect(seen).toHaveLength(1);
});

it.each([204, 206, 401, 404, 500])('takes no answer but 200 (%i)', async (status) => {
  answer = (_request, response) => response.writeHead(status).end();
  expect((await refusalOf(here())).message).toContain(String(status));
});

it('takes no compressed answer, whose size nobody knows', async () => {
  answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
  expect((await refusalOf(here())).message).toContain('compressed');
});

it('refuses what says that it is too large before it reads any of it', async () => {
  answer = (_request, response) => response.writeHead(200, { 'content-length': RECORDING_BYTES_MAX + 1 }).write('x');
  expect(await refusalOf(here())).toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
    fields: { limit: RECORDING_BYTES_MAX, actual: RECORDING_BYTES_MAX + 1 },
  });
});

it('ends what never ends at the limit, and leaves nothing on the disk', async () => {
  const piece = Buffer.alloc(1_048_576);
  let tellLeft = (): void => {};
  const left = new Promise<void>((resolve) => {
    tellLeft = resolve;
  });
  answer = (_request, response) => {
    response.on('close', tellLeft);
    const more = (): void => {
      while (!response.destroyed && response.write(piece));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };
  expect((await refusalOf(here())).code).toBe('PAYLOAD_TOO_LARGE');
  await left;
  const before = readdirSync(folder.path).length;
  expect((await refusalOf(here())).code).toBe('PAYLOAD_TOO_LARGE');
  expect(readdirSync(folder.path)).toHaveLength(before);
});

it('a connection that breaks off is no recording', async () => {
  answer = (_request, response) => {
    response.writeHead(200, { 'content-length': 1_000 });
    response.write('half', () => response.destroy());
  };
  expect((await refusalOf(here())).message).toContain('broke off');
  answer = (request) => request.socket.destroy();
  expect((await refusalOf(here())).message).toContain('could not be fetched');
});

it('what is no HTTP, and a port that nobody listens on, are said to be so', async () => {
  answer = (request) => request.socket.end('220 mail.test ready\r\n');
  expect((await refusalOf(here())).message).toContain('not as HTTP');
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const nobody = (closed.address() as AddressInfo).port;
  await new Promise((resolve) => closed.close(resolve));
  const refusal = await refusalOf(`http://audio.test:${nobody}/`, { allowed: [`audio.test:${nobody}`] });
  expect(refusal.message).toContain('does not answer');
});

it('tries the next address where one does not let itself be connected to', async () => {
  answer = (_request, response) => response.end('the bytes');
  const { sizeBytes } = await fetchOf(here(), { resolve: async () => ['::1', '127.0.0.1'] });
  expect(sizeBytes).toBe(9);
});

describe('keeps its times', () => {
  it('where DNS never answers', async () => {
    const clock = new TestClock();
    const refusal = refusalOf(here(), { clock, resolve: () => new Promise(() => {}) });
    clock.advance(15_000);
    expect(await refusal).toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringContaining('15 seconds') });
  });

  it('where nothing comes', async () => {
    answer = () => {};
    const clock = new TestClock();
    const came = nextRequest();
    const refusal = refusalOf(here(), { clock });
    await came;
    clock.advance(15_000);
    expect((await refusal).message).toContain('15 seconds');
  });

  it('where it stops in the middle', async () => {
    answer = (_request, response) => void response.write('some');
    const clock = new TestClock();
    const came = nextRequest();
    const refusal = refusalOf(here(), { clock });
    let ended = false;
    void refusal.then(() => {
      ended = true;
    });
    await came;
    // The piece may be on its way still, so that the time of the headers is over first.
    while (!ended) {
      clock.advance(500);
      await new Promise(setImmediate);
    }
    expect((await refusal).message).toMatch(/10 seconds|15 seconds/);
  });

  it('where it trickles without end', async () => {
    const clock = new TestClock();
    answer = (_request, response) => {
      const trickle = setInterval(() => {
        response.write('x');
        clock.advance(500);
      }, 2);
      response.on('close', () => clearInterval(trickle));
    };
    expect((await refusalOf(here(), { clock })).message).toContain('120 seconds');
  });

  it('and the caller has a say in them', async () => {
    const clock = new TestClock();
    answer = () => {};
    const came = nextRequest();
    const refusal = refusalOf(here(), { clock }, 2_000);
    await came;
    clock.advance(2_000);
    expect((await refusal).message).toContain('2 seconds');
  });
});
