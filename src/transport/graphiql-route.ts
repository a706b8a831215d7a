import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';

const FIRST_QUERY = `# Send your key as a header (the panel below): { "authorization": "Bearer <your API key>" }
mutation Speak {
  synthesizeSpeech(input: { text: "Hello! This speech was made by the built-in engine." }) {
    speech { id audio { url durationSeconds } }
    usage { credits characters audioSeconds remainingBalance summary }
  }
}
`;

/** GET /graphiql — the in-browser editor, whole in one page that this server sends: nothing is fetched from elsewhere. */
export function registerGraphiqlRoute(app: FastifyInstance): void {
  let page: { html: string; etag: string } | null = null;
  app.get('/graphiql', async (request, reply) => {
    // Loaded on first use: the page is some 9 MB and most servers never show it.
    page ??= await renderPage();
    reply.header('etag', page.etag).header('cache-control', 'no-cache').header('x-content-type-options', 'nosniff');
    if (request.headers['if-none-match'] === page.etag) return reply.code(304).send();
    return reply.type('text/html; charset=utf-8').send(page.html);
  });
  app.get('/', async (_request, reply) => reply.redirect('/graphiql'));
}

async function renderPage(): Promise<{ html: string; etag: string }> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = renderGraphiQL({
    title: 'Polyphony',
    endpoint: '/graphql',
    subscriptionsProtocol: 'WS',
    defaultQuery: FIRST_QUERY,
    defaultEditorToolsVisibility: 'headers',
  } as Parameters<typeof renderGraphiQL>[0]);
  return { html, etag: `"${createHash('sha256').update(html).digest('base64url').slice(0, 22)}"` };
}
