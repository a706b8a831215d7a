import { startTestServer, type TestServer } from '../support/test-server';
import { ChromiumPage, describeInChromium } from './support/chromium';
import { speak } from './support/usage-feed';

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
    await Promise.allSettled([page?.close(), server?.close()]);
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

  it(
    'follows a subscription with the key that its headers name',
    async () => {
      await page.write(QUERY, 'subscription Watch { balanceChanged { used } }');
      // The editor reads what was written a moment later, and shows the operation's name.
      await page.when(`document.querySelector('.graphiql-tab-active').innerText.includes('Watch')`);
      await page.click(RUN);
      await page.when(`${answer}.includes('balanceChanged')`);
      await speak(server.client);
      const { balance } = await server.client.data<{ balance: { used: string } }>('{ balance { used } }');
      await page.when(`${answer}.includes('"used": "${balance.used}"')`);
      expect(page.requests).toContain(`${server.url.replace('http', 'ws')}/graphql`);
      expect(page.exceptions).toEqual([]);
    },
    PATIENCE_MS,
  );
});
