import { buildClientSchema, getIntrospectionQuery, type IntrospectionQuery, printSchema } from 'graphql';
import { startTestServer, type TestServer } from '../support/test-server';
import { HELLO, refusalOf, speak } from './support/speech-api';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ plan: 'pro' });
});
afterAll(() => server?.close());

const get = async (path: string, headers: Record<string, string> = {}) => {
  const answer = await server.anonymous.send(path, { headers });
  return { ...answer, text: answer.body.toString('utf8') };
};

describe('introspection', () => {
  it('tells the whole schema to everybody, described', async () => {
    const data = await server.anonymous.data<IntrospectionQuery & Record<string, unknown>>(
      getIntrospectionQuery({ descriptions: true, inputValueDeprecation: true, oneOf: true }),
    );
    const printed = printSchema(buildClientSchema(data));
    for (const name of ['synthesizeSpeech(', 'speechStream(', 'usageUpdated(', 'enum ErrorCode', 'scalar Decimal']) {
      expect(printed).toContain(name);
    }
    const speech = data.__schema.types.find(({ name }) => name === 'Speech')!;
    expect(speech.description).toBeTruthy();
  });

  it('works with a key as well, and __typename everywhere', async () => {
    expect(await server.client.data('{ __typename balance { __typename } }')).toEqual({
      __typename: 'Query',
      balance: { __typename: 'CreditBalance' },
    });
  });
});

describe('GET /graphiql', () => {
  it('is one page that fetches nothing from anywhere else', async () => {
    const { status, headers, text } = await get('/graphiql');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(text.trimStart().slice(0, 15).toLowerCase()).toBe('<!doctype html>');
    // Matches rather than the text itself: it is some 9 MB, which nobody wants to read in a failure.
    expect([text.includes('/graphql'), text.includes('synthesizeSpeech')]).toEqual([true, true]);
    expect(elementsThatLoad(text).filter((address) => !/^(data:|\/(?!\/)|#)/.test(address))).toEqual([]);
    const styles = [...text.matchAll(/<style\b[^>]*>([\s\S]*?)<\/style>/gi)].map(([, style]) => style!).join('');
    expect(styles.match(/@import[^;]*|url\(\s*["']?(?:https?:)?\/\/[^)]*/gi)).toBeNull();
    expect(text.match(/\b(?:import|importScripts)\s*\(?\s*["'](?:https?:)?\/\/[^"']*/g)).toBeNull();
    const hosts =
      /https?:\/\/(?:[\w-]+\.)*(?:unpkg|jsdelivr|esm|skypack|cdnjs|googleapis|gstatic)\.\w+\/[^\s"'`]*\.(?:m?js|css|woff2?)\b/gi;
    expect(text.match(hosts)).toBeNull();
  });

  it('is sent once: what a browser has is confirmed', async () => {
    const { headers } = await get('/graphiql');
    const again = await get('/graphiql', { 'if-none-match': String(headers.etag) });
    expect([again.status, again.body.length]).toEqual([304, 0]);
  });

  it('is where a browser that opens the server or its endpoint is sent', async () => {
    for (const path of ['/', '/graphql']) {
      const { status, headers } = await get(path, { accept: 'text/html,application/xhtml+xml' });
      expect([status, headers.location]).toEqual([302, '/graphiql']);
    }
  });
});

/** Addresses of elements in the page itself, which a browser loads before any script has run. */
function elementsThatLoad(page: string): string[] {
  const markup = page.replace(/(<script\b[^>]*>)[\s\S]*?<\/script>/gi, '$1');
  const elements = markup.matchAll(
    /<(?:script|link|img|iframe|source|audio|video|object|embed)\b[^>]*?\b(?:src|href|data)\s*=\s*["']?([^"'\s>]+)/gi,
  );
  return [...elements].map(([, address]) => address!);
}

describe('health', () => {
  it('/healthz says that the process is alive', async () => {
    const { status, text } = await get('/healthz');
    expect([status, JSON.parse(text)]).toEqual([200, { status: 'ok' }]);
  });

  it('/readyz looks at the database and the migrations', async () => {
    const { status, text } = await get('/readyz');
    expect([status, JSON.parse(text)]).toEqual([
      200,
      { status: 'ready', checks: { database: 'ok', migrations: 'ok' } },
    ]);
  });
});

describe('/metrics', () => {
  it('counts operations, credits and latency by provider and outcome, and names no workspace, key, voice or text', async () => {
    const workspace = await server.createWorkspace({ plan: 'pro' });
    const input = { ...HELLO, text: 'A sentence for the metrics.', endUserId: 'ada-of-the-metrics' };
    await speak(workspace, input);
    await speak(workspace, input, { 'x-provider-key-elevenlabs': 'own-key-for-metrics' });
    server.stub.fault(() => ({ kind: 'answer', status: 422 }));
    await refusalOf(workspace, input);
    server.stub.fault(null);
    const { status, headers, text } = await get('/metrics');
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/plain/);
    const labels = 'capability="TEXT_TO_SPEECH",provider="elevenlabs"';
    for (const line of [
      `polyphony_operations_total{${labels},status="SUCCEEDED",credential="PLATFORM"} 1`,
      `polyphony_operations_total{${labels},status="SUCCEEDED",credential="REQUEST_KEY"} 1`,
      `polyphony_operations_total{${labels},status="FAILED",credential="PLATFORM"} 1`,
      `polyphony_credits_total{${labels}} 4.482`,
      'polyphony_live_operations 0',
      'polyphony_open_leases 0',
      'polyphony_sockets 0',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    for (const secret of [
      workspace.workspaceId,
      workspace.key!,
      'own-key-for-metrics',
      'stub-key',
      'ada-of-the-metrics',
      'A sentence for the metrics',
      '21m00Tcm4TlvDq8ikWAM',
    ]) {
      expect(text).not.toContain(secret);
    }
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}/);
  });
});

describe('anything else', () => {
  it.each(['/nothing', '/audio', '/graphql/', '/admin', '/.env', '/../package.json', '/src/server.ts', '/metrics/x'])(
    '%s is not there',
    async (path) => {
      const { status, text } = await get(path);
      expect(status).toBe(404);
      expect(JSON.parse(text)).toEqual({ error: expect.stringContaining('/graphql') });
    },
  );

  it.each(['PUT', 'DELETE', 'PATCH'])('%s is no way to ask', async (method) => {
    const { status } = await fetch(`${server.url}/graphql`, { method });
    expect([404, 405]).toContain(status);
  });
});
