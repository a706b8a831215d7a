import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { GRAPHIQL_FETCHER } from './graphiql-fetcher';

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
  const html = withFetcher(
    renderGraphiQL({
      title: 'Polyphony',
      defaultQuery: FIRST_QUERY,
      defaultEditorToolsVisibility: 'headers',
    } as Parameters<typeof renderGraphiQL>[0]),
  );
  return { html, etag: `"${createHash('sha256').update(html).digest('base64url').slice(0, 22)}"` };
}

const RENDER = 'YogaGraphiQL.renderYogaGraphiQL(';

/** Options of the page are JSON, so a function has to be put in where the page calls the editor: at its end. */
function withFetcher(html: string): string {
  const at = html.lastIndexOf(RENDER);
  if (at < 0) throw new Error('The page of the editor is not built as it was: where it starts is not to be found.');
  const render = `((root, options) => ${RENDER}root, { ...options, fetcher: (${GRAPHIQL_FETCHER})('/graphql') }))(`;
  return html.slice(0, at) + render + html.slice(at + RENDER.length);
}
