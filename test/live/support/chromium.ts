import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

const PROGRAM = '/usr/bin/chromium';

/** `describe` for what only a browser can show; elsewhere it is skipped under a name that says why. */
export const describeInChromium: (name: string, tests: () => void) => void = existsSync(PROGRAM)
  ? (name, tests) => describe(name, tests)
  : (name, tests) => describe.skip(`${name} (skipped: there is no ${PROGRAM})`, tests);

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Editors show only the lines that there is room for.
  '--window-size=1600,1400',
  '--remote-debugging-port=0',
];

const LATE_MS = 60_000;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, never>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
  readonly sessionId?: string;
}

/** A page of a browser, driven over the DevTools protocol. */
export class ChromiumPage {
  /** Addresses of every request that the page has made, sockets included. */
  readonly requests: string[] = [];
  /** What the page's own code has thrown. */
  readonly exceptions: string[] = [];
  private readonly answers = new Map<number, (message: Message) => void>();
  private sessionId: string | undefined;
  private count = 0;

  private constructor(
    private readonly socket: WebSocket,
    private readonly browser: ChildProcess,
    private readonly profile: string,
  ) {
    socket.on('message', (data) => this.receive(JSON.parse(String(data)) as Message));
  }

  static async open(): Promise<ChromiumPage> {
    const profile = mkdtempSync(path.join(os.tmpdir(), 'polyphony-chromium-'));
    const child = spawn(PROGRAM, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    const socket = new WebSocket(await debuggerOf(child), { maxPayload: 0 });
    await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const page = new ChromiumPage(socket, child, profile);
    const { targetId } = await page.call('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await page.call('Target.attachToTarget', { targetId, flatten: true });
    page.sessionId = sessionId as string;
    for (const domain of ['Network', 'Runtime', 'Page']) await page.call(`${domain}.enable`);
    return page;
  }

  async goTo(url: string): Promise<void> {
    await this.call('Page.navigate', { url });
  }

  /** The value of an expression in the page, awaited where it is a promise. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const answer = await this.call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    const fault = answer.exceptionDetails as { exception?: { description?: string } } | undefined;
    if (fault) throw new Error(`the page threw: ${fault.exception?.description}`);
    return (answer.result as { value: Value }).value;
  }

  /** Resolves as soon as the page, as it changes, makes a condition true; throws with what it shows when that takes too long. */
  async when(condition: string): Promise<void> {
    await this.evaluate(`new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(document.body.innerText)), ${LATE_MS});
      const look = () => {
        if (!(${condition})) return;
        observer.disconnect();
        resolve();
      };
      const observer = new MutationObserver(look);
      observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      look();
    })`);
  }

  /** Puts a text in place of what an editor holds. */
  async write(selector: string, text: string): Promise<void> {
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`);
    const key = { key: 'a', code: 'KeyA', windowsVirtualKeyCode: 65, modifiers: 2, commands: ['selectAll'] };
    await this.call('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...key });
    await this.call('Input.dispatchKeyEvent', { type: 'keyUp', ...key });
    await this.call('Input.insertText', { text });
  }

  async click(selector: string): Promise<void> {
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
  }

  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.browser.once('close', () => resolve()));
    // With its helpers, which would go on writing to the profile: they are a group of their own.
    if (this.browser.exitCode === null) process.kill(-this.browser.pid!, 'SIGKILL');
    await ended;
    this.socket.terminate();
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  private async call(method: string, params: Readonly<Record<string, unknown>> = {}) {
    this.count += 1;
    const id = this.count;
    const answered = new Promise<Message>((resolve) => this.answers.set(id, resolve));
    this.socket.send(JSON.stringify({ id, method, params, ...(this.sessionId && { sessionId: this.sessionId }) }));
    const { result, error } = await answered;
    if (!result) throw new Error(`${method}: ${error?.message}`);
    return result;
  }

  private receive({ id, method, params, ...message }: Message): void {
    if (id !== undefined) {
      this.answers.get(id)?.(message);
      this.answers.delete(id);
      return;
    }
    const told = params as unknown as { request?: { url: string }; url?: string; exceptionDetails?: object };
    if (method === 'Network.requestWillBeSent') this.requests.push(told.request!.url);
    else if (method === 'Network.webSocketCreated') this.requests.push(told.url!);
    else if (method === 'Runtime.exceptionThrown') this.exceptions.push(JSON.stringify(told.exceptionDetails));
  }
}

/** Chromium says on its standard error where it can be driven. */
function debuggerOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    createInterface({ input: child.stderr! }).on('line', (line) => {
      said.push(line);
      const address = /^DevTools listening on (ws:\S+)/.exec(line)?.[1];
      if (address) resolve(address);
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`Chromium ended: ${said.slice(-20).join('\n')}`)));
  });
}
