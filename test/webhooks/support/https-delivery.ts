import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import { systemClock } from '../../../src/lib/clock';
import { MessagePost } from '../../../src/webhooks/message-post';
import { makeWebhookSecret } from '../../../src/webhooks/webhook-secret';

/*
 * A process of its own, as what certificates are trusted is settled when a process starts: delivers one message to each
 * name in its arguments, all of which lead to a server with the certificate of hooks.test. Prints what came of it.
 */
const file = (name: string): Buffer => readFileSync(path.join(__dirname, '..', '..', 'fixtures', 'tls', name));

async function main(names: readonly string[]): Promise<void> {
  const asked: unknown[] = [];
  const server = createServer(
    { key: file('hooks.test.key.pem'), cert: file('hooks.test.certificate.pem') },
    (request, response) => {
      const { servername } = request.socket as TLSSocket & { servername: string };
      asked.push({ servername, host: request.headers.host?.split(':')[0] });
      response.end();
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const post = new MessagePost({
    clock: systemClock,
    resolve: async () => ['127.0.0.1'],
    allowed: names.map((name) => `${name}:${port}`),
  });
  const outcomes: unknown[] = [];
  for (const name of names) {
    const receiver = { endpointId: name, url: `https://${name}:${port}/`, secrets: [makeWebhookSecret()] };
    outcomes.push(await post.send(receiver, { id: 'message', body: '{}' }, new AbortController().signal));
  }
  await post.close();
  server.close();
  process.stdout.write(JSON.stringify({ asked, outcomes }));
}

void main(process.argv.slice(2));
