import { type AddressInfo, connect } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import pino from 'pino';
import { AppError } from '../../src/lib/errors';
import type { OpenedExport, UsageExports } from '../../src/operations/usage/usage-exports';
import { registerExportRoute } from '../../src/transport/export-route';
import { listen } from '../api/support/listener';

let app: FastifyInstance;
let url: string;
let chunks: () => AsyncGenerator<string, void, void>;
beforeAll(async () => {
  app = Fastify();
  const opened: OpenedExport = { contentType: 'text/csv', fileName: 'a.csv', chunks: () => chunks() };
  const open = async (id: string) => (id === 'known' ? opened : null);
  registerExportRoute(app, { open } as unknown as UsageExports, pino({ level: 'silent' }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/exports/known`;
});
afterAll(() => app.close());

/** All that a connection answers to a request in a version of HTTP, up to its end; rejects where it is reset. */
const fetchAll = (httpVersion: string, onData: (soFar: string) => void = () => {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
      onData(answer);
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
    socket.write(`GET ${pathname} HTTP/${httpVersion}\r\nhost: ${hostname}\r\nconnection: close\r\n\r\n`);
  });

it.each(['1.0', '1.1'] as const)('a list comes whole over HTTP/%s', async (version) => {
  chunks = async function* () {
    yield 'a\r\n';
    yield '';
    yield 'b\r\n';
  };
  const answer = await fetchAll(version);
  expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toBe(
    version === '1.0' ? 'a\r\nb\r\n' : '3\r\na\r\n\r\n3\r\nb\r\n\r\n0\r\n\r\n',
  );
});

it.each(['1.0', '1.1'] as const)('a list that breaks in the middle never looks whole over HTTP/%s', async (version) => {
  let arrived: () => void = () => {};
  const first = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  chunks = async function* () {
    yield 'first row\r\n';
    // Whoever has read all that came is told of the reset; libuv calls it an end where something is unread.
    await first;
    throw new Error('the database went away');
  };
  const whole = fetchAll(version, (soFar) => soFar.includes('first row') && arrived());
  await expect(whole).rejects.toMatchObject({ code: 'ECONNRESET' });
});

it('a list without end is read as fast as it is taken, and let go when its reader leaves', async () => {
  let letGo: () => void = () => {};
  const over = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  chunks = async function* () {
    try {
      for (;;) yield 'x'.repeat(65_536);
    } finally {
      letGo();
    }
  };
  const reader = await listen(url);
  await reader.hear(1_000_000);
  reader.leave();
  await over;
});

it.each([
  [503, 'a database that is away', new AppError('UNAVAILABLE', 'secret detail')],
  [500, 'a fault', new Error('secret detail')],
])('what fails before the first row has a status of its own, %i, without detail: %s', async (status, _what, error) => {
  chunks = async function* () {
    yield await Promise.reject(error);
  };
  const answer = await fetch(url);
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-disposition')).toBeNull();
  expect(await answer.json()).toEqual({ error: 'The export could not be read; try again shortly.' });
});

it('HEAD tells what would come, and reads nothing', async () => {
  chunks = () => {
    throw new Error('nothing is to be read');
  };
  const answer = await fetch(url, { method: 'HEAD' });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-disposition')).toBe('attachment; filename="a.csv"');
});

it('an address that is not known is answered with 404', async () => {
  expect((await fetch(url.replace('known', 'other'))).status).toBe(404);
});
