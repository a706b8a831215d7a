import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ScriptedServer {
  readonly url: string;
  /** Requests in order of arrival. */
  readonly requests: readonly IncomingMessage[];
  /** Resolves once the client has left an answer before its end. */
  readonly left: Promise<void>;
  close(): Promise<void>;
}

/** A server on a free port that answers as `answer` says. */
export async function scriptedServer(
  answer: (response: ServerResponse, request: IncomingMessage) => void,
): Promise<ScriptedServer> {
  const requests: IncomingMessage[] = [];
  let leave = (): void => undefined;
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const server: Server = createServer((request, response) => {
    requests.push(request);
    response.once('close', () => {
      if (!response.writableFinished) leave();
    });
    request.resume().once('end', () => answer(response, request));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    left,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
