/**
 * What the editor sends its documents with, in the browser's own JavaScript: a function of the endpoint. Queries and
 * mutations go over HTTP; a subscription has a socket of its own, and the editor's headers are the parameters of its
 * connection, which the fetcher that comes with the editor does not do. So a key works for both.
 */
export const GRAPHIQL_FETCHER = /* js */ `(endpoint) => {
  const isSubscription = ({ operationName }, document) => {
    const operations = (document?.definitions ?? []).filter(({ kind }) => kind === 'OperationDefinition');
    const chosen = operationName ? operations.find(({ name }) => name?.value === operationName) : operations[0];
    return chosen?.operation === 'subscription';
  };
  const follow = (document, headers) => {
    const results = [];
    let over = false;
    let wake = () => {};
    const socket = new WebSocket(new URL(endpoint, location.href).href.replace(/^http/, 'ws'), 'graphql-transport-ws');
    const send = (message) => socket.send(JSON.stringify(message));
    const end = () => {
      over = true;
      socket.close(1000);
      wake();
    };
    const show = (result) => {
      results.push(result);
      wake();
    };
    socket.onopen = () => send({ type: 'connection_init', payload: headers });
    socket.onmessage = ({ data }) => {
      const { type, payload } = JSON.parse(data);
      if (type === 'connection_ack') send({ id: '1', type: 'subscribe', payload: document });
      else if (type === 'ping') send({ type: 'pong' });
      else if (type === 'next') show(payload);
      else if (type === 'error') {
        show({ errors: payload });
        end();
      } else if (type === 'complete') end();
    };
    socket.onclose = ({ code, reason }) => {
      if (!over) show({ errors: [{ message: 'The socket was closed: ' + code + ' ' + reason }] });
      end();
    };
    return {
      async next() {
        while (results.length === 0 && !over) await new Promise((resolve) => (wake = resolve));
        return results.length > 0 ? { done: false, value: results.shift() } : { done: true, value: undefined };
      },
      async return() {
        end();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  };
  return async (document, { headers = {}, documentAST } = {}) => {
    if (isSubscription(document, documentAST)) return follow(document, headers);
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(document),
    });
    return answer.json();
  };
}`;
