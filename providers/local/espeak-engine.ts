import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { cancelled, unavailable } from '../http/provider-failures';
import { type EngineLimits, LOCAL, type LocalEngine, type SentenceCall } from './engine';
import { waveSamples } from './wave-samples';
import { stopping, WorkQueue } from './work-queue';

/** Words per minute that are the natural speed of every voice; the program's own default. */
const WORDS_PER_MINUTE = 175;
/** A sentence that makes more is a fault: twenty minutes of speech. */
const OUTPUT_BYTES_MAX = 20 * 60 * 22_050 * 2;
const DIAGNOSTICS_LENGTH_MAX = 500;

/**
 * Looks for the `espeak-ng` program.
 * @param searchPath folders as in PATH; relative ones are passed over, so that nothing in a working folder is run
 * @returns its absolute path, or null
 */
export function findEspeak(searchPath: string): string | null {
  const file = process.platform === 'win32' ? 'espeak-ng.exe' : 'espeak-ng';
  for (const folder of searchPath.split(path.delimiter)) {
    if (!path.isAbsolute(folder)) continue;
    const candidate = path.join(folder, file);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // Not here.
    }
  }
  return null;
}

/**
 * eSpeak NG, where it is installed. It is licensed under the GPL, so it is only ever run as a program of its own. One
 * process speaks one sentence: it starts in about 15 ms and cannot be harmed by the one before. The text goes to its
 * standard input, never to its arguments.
 */
export class EspeakEngine implements LocalEngine {
  readonly sampleRate = 22_050;
  private readonly queue: WorkQueue;
  private readonly processes = new Set<ChildProcess>();
  private closed = false;

  /** @param executable absolute path of the program */
  constructor(
    private readonly executable: string,
    private readonly limits: EngineLimits,
  ) {
    this.queue = new WorkQueue(limits.concurrency, limits.waitingMax);
  }

  /**
   * Control characters are commands to the program and `[[` opens phonemes, so neither gets through.
   * https://github.com/espeak-ng/espeak-ng/blob/master/docs/markup.md
   */
  readable(text: string): string {
    return text.replace(/(?!\s)[\p{Cc}\p{Cs}\p{Cn}\uFFFD]/gu, ' ').replace(/\[(?=\[)/g, '[ ');
  }

  speakable(text: string): boolean {
    return /[\p{L}\p{N}\p{S}%&@#*/\\_]/u.test(text);
  }

  async speak(sentence: SentenceCall, signal: AbortSignal): Promise<Int16Array> {
    return await this.queue.run(() => this.run(sentence, signal), signal, sentence.admitted);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.queue.close();
    const ended = [...this.processes].map(
      (child) => new Promise((resolve) => child.once('close', resolve).once('error', resolve)),
    );
    for (const child of this.processes) child.kill('SIGKILL');
    await Promise.all(ended);
  }

  private run({ text, voice, speed }: SentenceCall, signal: AbortSignal): Promise<Int16Array> {
    const rate = Math.round((WORDS_PER_MINUTE * speed) / voice.stretch);
    // -b 1: the text is UTF-8, whatever the locale.
    const args = ['-b', '1', '-v', voice.upstreamId, '-s', String(rate), '--stdin', '--stdout'];
    return new Promise((resolve, reject) => {
      if (this.closed) throw stopping();
      if (signal.aborted) throw cancelled(LOCAL, signal.reason);
      // An empty environment: the program needs none of the server's settings.
      const child: ChildProcess = spawn(this.executable, args, { env: {}, windowsHide: true });
      this.processes.add(child);
      const output: Buffer[] = [];
      let outputBytes = 0;
      let diagnostics = '';
      let failure: Error | null = null;
      const stop = (reason: Error): void => {
        failure ??= reason;
        child.kill('SIGKILL');
      };
      const onAbort = (): void => stop(cancelled(LOCAL, signal.reason));
      const late = (): void => stop(unavailable(LOCAL, 'took too long over a sentence'));
      const timer = setTimeout(late, this.limits.sentenceTimeoutMs);
      signal.addEventListener('abort', onAbort, { once: true });
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.processes.delete(child);
      };
      child.once('error', (error) => {
        settle();
        reject(unavailable(LOCAL, 'could not start espeak-ng', error));
      });
      // There are no streams where the process has no descriptors left; `error` follows.
      child.stdout?.on('data', (bytes: Buffer) => {
        output.push(bytes);
        outputBytes += bytes.length;
        if (outputBytes > OUTPUT_BYTES_MAX) stop(unavailable(LOCAL, 'did not come to the end of a sentence'));
      });
      child.stderr?.setEncoding('utf8').on('data', (words: string) => {
        if (diagnostics.length < DIAGNOSTICS_LENGTH_MAX) diagnostics += words;
      });
      // It may end without reading all; how it ended is told by `close`.
      child.stdin?.on('error', () => undefined).end(text);
      child.once('close', (code, killedBy) => {
        settle();
        const samples = code === 0 ? waveSamples(Buffer.concat(output), this.sampleRate) : null;
        if (this.closed) reject(stopping());
        else if (failure !== null) reject(failure);
        else if (samples !== null) resolve(samples);
        else {
          const detail = `exit code ${code}, signal ${killedBy}: ${diagnostics.slice(0, DIAGNOSTICS_LENGTH_MAX)}`;
          reject(unavailable(LOCAL, 'failed at a sentence', new Error(detail)));
        }
      });
    });
  }
}
