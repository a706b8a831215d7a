import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { ClientSocket } from '../../src/transport/client-socket';

const MEBIBYTE = 1_048_576;

describe('the way to a client', () => {
  let http: Server;
  let server: ClientSocket;
  let stream: Duplex;
  let client: WebSocket;

  beforeEach(async () => {
    const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
    http = createServer();
    const opened = new Promise<ClientSocket>((resolve) =>
      http.on('upgrade', (request, duplex, head) =>
        webSockets.handleUpgrade(request, duplex, head, (webSocket) => {
          webSocket.on('error', () => {});
          stream = duplex;
          resolve(new ClientSocket(webSocket, duplex, 'here', undefined));
        }),
      ),
    );
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`, { perMessageDeflate: false });
    await new Promise((resolve) => client.once('open', resolve));
    server = await opened;
  });
  afterEach(async () => {
    client.terminate();
    await new Promise((resolve) => http.close(resolve));
  });

  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])(
    'carries messages of %i bytes whole, between those of the library',
    async (length) => {
      const messages = [`${'x'.repeat(length)}`, 'by the library', `ü€😀${'y'.repeat(length)}`, 'the end'];
      const received = new Promise<string[]>((resolve) => {
        const seen: string[] = [];
        client.on('message', (data) => {
          seen.push(String(data));
          if (seen.length === messages.length) resolve(seen);
        });
      });
      server.push(messages[0]!);
      const sent = server.send(messages[1]!);
      server.push(messages[2]!);
      await sent;
      server.push(messages[3]!);
      expect(await received).toEqual(messages);
    },
  );

  it('resumes who waits when the client reads again, and each once', async () => {
    client.pause();
    while (!server.isFull) server.push('x'.repeat(MEBIBYTE));
    const resumed: string[] = [];
    const both = new Promise<void>((resolve) => {
      const wait = (name: string) => ({
        resume() {
          resumed.push(name);
          if (resumed.length === 2) resolve();
        },
      });
      server.whenDrained(wait('one'));
      server.whenDrained(wait('two'));
    });
    await new Promise(setImmediate);
    expect(resumed).toEqual([]);
    client.resume();
    await both;
    expect({ resumed, isFull: server.isFull }).toEqual({ resumed: ['one', 'two'], isFull: false });
  });

  it('is cut when the client leaves too much unread, whoever sends', async () => {
    client.pause();
    const ended = new Promise((resolve) => stream.once('close', resolve));
    for (let times = 0; times < 100 && server.isOpen; times++) {
      if (times % 2 === 0) server.push('x'.repeat(MEBIBYTE));
      else void server.send('x'.repeat(MEBIBYTE)).catch(() => {});
      expect(stream.writableLength).toBeLessThan(10 * MEBIBYTE);
      await new Promise(setImmediate);
    }
    expect(server.isOpen).toBe(false);
    await ended;
    // Nobody is there any more; that is no error.
    server.push('late');
    await server.send('late');
  });
});
