import { startTestServer, type TestServer } from '../support/test-server';
import { ChromiumPage, describeInChromium } from './support/chromium';
import { speak } from './support/usage-feed';

/** Starting a browser takes its time on a busy machine. */
const PATIENCE_MS = 180_000;
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
    'shows itself, makes speech, and follows a subscription, all from this server alone',
    async () => {
      await page.goTo(`${server.url}/graphiql`);
      await page.when(`document.querySelector('${RUN}') && document.querySelector('${QUERY}')`);
      await page.when(`document.querySelector('.graphiql-query-editor').innerText.includes('synthesizeSpeech')`);
      await page.when(`document.querySelector('${HEADERS}')`);

      await page.write(HEADERS, `{"authorization":"Bearer ${server.client.key}"}`);
      await page.click(RUN);
      await page.when(`${answer}.includes('remainingBalance')`);

      await page.write(QUERY, 'subscription { usageUpdated { usage { characters credits } } }');
      await page.click(RUN);
      const spoken = speakUntilTold();
      await page.when(`${answer}.includes('usageUpdated')`);
      spoken.stop();
      expect(await page.evaluate<string>(answer)).toMatch(/"characters": 12/);
      await spoken.done;

      const elsewhere = page.requests.filter(
        (url) => !/^(data|blob):/.test(url) && new URL(url).host !== new URL(server.url).host,
      );
      expect(elsewhere).toEqual([]);
      expect(page.requests).toContain(`${server.url}/graphql`);
      expect(page.requests).toContain(`${server.url.replace('http', 'ws')}/graphql`);
      expect(page.exceptions).toEqual([]);
    },
    PATIENCE_MS,
  );

  /** Nothing tells that a subscription has begun but its first event. */
  function speakUntilTold(): { readonly stop: () => void; readonly done: Promise<void> } {
    let told = false;
    const speakOn = async (): Promise<void> => {
      while (!told) await speak(server.client);
    };
    return {
      done: speakOn(),
      stop: () => {
        told = true;
      },
    };
  }
});
