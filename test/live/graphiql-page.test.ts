import { startTestServer, type TestServer } from '../support/test-server';
import { ChromiumPage, describeInChromium } from './support/chromium';

/** Starting a browser takes its time on a busy machine. */
const PATIENCE_MS = 120_000;
const QUERY = '.graphiql-query-editor .monaco-editor textarea';
const HEADERS = '.graphiql-editor-tool .graphiql-editor:not(.hidden) .monaco-editor textarea';
const RUN = '.graphiql-execute-button';
/** Monaco writes blanks as no-break spaces. */
const answer = `document.querySelector('.graphiql-response').innerText.replace(/\\u00a0/g, ' ')`;

describeInChromium('the editor at /graphiql, in Chromium', () => {
  let server: TestServer;
  let page: ChromiumPage;

  beforeAll(async () => {
    server = await startTestServer();
    page = await ChromiumPage.open();
  }, PATIENCE_MS);
  afterAll(async () => {
    await page?.close();
    await server?.close();
  });

  it(
    'shows itself and makes speech, all from this server alone',
    async () => {
      await page.goTo(`${server.url}/graphiql`);
      await page.when(`document.querySelector('${RUN}') && document.querySelector('${QUERY}')`);
      await page.when(`document.querySelector('.graphiql-query-editor').innerText.includes('synthesizeSpeech')`);
      await page.when(`document.querySelector('${HEADERS}')`);

      await page.write(HEADERS, `{"authorization":"Bearer ${server.client.key}"}`);
      await page.click(RUN);
      await page.when(`${answer}.includes('durationSeconds')`);

      const elsewhere = page.requests.filter(
        (url) => !/^(data|blob):/.test(url) && new URL(url).host !== new URL(server.url).host,
      );
      expect(elsewhere).toEqual([]);
      expect(page.requests).toContain(`${server.url}/graphql`);
      expect(page.exceptions).toEqual([]);
    },
    PATIENCE_MS,
  );
});
