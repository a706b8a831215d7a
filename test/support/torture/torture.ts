import { setTimeout as pause } from 'node:timers/promises';
import { checkBooks, checkSums, openHolds } from '../books';
import { GraphqlClient } from '../graphql-client';
import { Gate, ProviderStub, seededRandom } from '../provider-stub';
import { ServerPlace } from '../server-place';
import type { ServerProcess } from '../server-process';
import { createStormWorkspace, grantCredits, priceOf, readBalance, spendAll } from '../storm-credits';
import { until } from '../until';
import { checkCalls } from './torture-checks';
import { type TortureAnswer, type TortureCall, TortureLoad } from './torture-load';

export interface TortureOptions {
  readonly kills: number;
  readonly seed: number;
  /** An empty database; null: the embedded engine. */
  readonly databaseUrl: string | null;
  readonly clusterTemplate?: string;
  readonly onProgress?: (line: string) => void;
  /** Ends it early: no further kill, and what is asked at the end is asked all the same. */
  readonly signal?: AbortSignal;
}

export interface TortureReport {
  readonly kills: number;
  /** Calls that were answered with a speech. */
  readonly answers: number;
  /** Calls that a kill left without an answer. */
  readonly lost: number;
  /** Of those, the ones with a key that were sent again at the end. */
  readonly repeated: number;
  readonly refused: number;
  /** Holds that kills left and the sweep turned into UNKNOWN events. */
  readonly unknown: number;
  /** Of the answers that were listened to after a restart, those whose audio the crash took. */
  readonly silenced: number;
  /** From the start of the process to the address it says, in milliseconds, for each start on data that was there. */
  readonly restartsMs: readonly number[];
  /** What should not be; empty when all is well. */
  readonly findings: readonly string[];
}

const CALLERS_MIN = 8;
const CALLERS_MAX = 16;
const LIVES_FOR_MS = [50, 800] as const;
/** Of the provider's answers, how many take their time, and how long at most: kills meet calls that wait for one. */
const SLOW_SHARE = 0.5;
const SLOW_MS = 40;
/** Available at the start of each life: enough for most lives, so that some run into the cap. */
const CHARACTERS_OF_A_LIFE = 8_000;
const AUDIO_OF_A_LIFE = 8;
const SWEPT_WITHIN_MS = 30_000;

/**
 * Kills a server at random moments under load, again and again on the same data, and asks after each restart whether
 * every promise was kept; at the end, whether whatever the kills left resolves itself.
 */
export async function runTorture(options: TortureOptions): Promise<TortureReport> {
  const stub = new ProviderStub();
  await stub.listen();
  const random = seededRandom(options.seed);
  stub.fault(({ operation }) =>
    operation === 'speech' && random() < SLOW_SHARE ? { kind: 'gated', gate: slowly(random() * SLOW_MS) } : undefined,
  );
  const { databaseUrl, clusterTemplate } = options;
  const place = new ServerPlace({ databaseUrl, stubUrl: stub.url, clusterTemplate });
  const torture = new Torture(options, place, random);
  try {
    return await torture.run();
  } finally {
    await torture.endServer();
    place.close();
    await stub.close();
  }
}

function slowly(ms: number): Gate {
  const gate = new Gate();
  setTimeout(() => gate.open(), ms).unref();
  return gate;
}

/** A frame at its start and one near its end, where a hole in a file would be zeros. */
const isMp3 = (body: Buffer): boolean =>
  (body[0] === FRAME || body.subarray(0, 3).equals(ID3)) && body.subarray(-FRAME_BYTES_MAX).includes(FRAME);
const ID3 = Buffer.from('ID3');
const FRAME = 0xff;
const FRAME_BYTES_MAX = 1_441;

class Torture {
  private readonly load: TortureLoad;
  private readonly findings: string[] = [];
  private readonly startsMs: number[] = [];
  private silenced = 0;
  private server: ServerProcess | null = null;
  private workspace = { id: '', key: '' };
  /** So many calls the books have been asked about. */
  private askedAbout = 0;

  constructor(
    private readonly options: TortureOptions,
    private readonly place: ServerPlace,
    private readonly random: () => number,
  ) {
    this.load = new TortureLoad(random);
  }

  async run(): Promise<TortureReport> {
    await this.withServer(async (admin) => {
      this.workspace = await createStormWorkspace(admin);
    });
    let kills = 0;
    while (kills < this.options.kills && this.options.signal?.aborted !== true) await this.live(++kills);
    const lost = this.load.calls.filter(({ outcome }) => outcome === null);
    const unknown = await this.resolveHolds();
    const repeated = lost.filter(({ idempotencyKey }) => idempotencyKey !== null);
    await this.withServer(async (admin) => this.settleUp(admin, repeated));
    const count = (wanted: boolean): number =>
      this.load.calls.filter(({ outcome }) => outcome !== null && (outcome === 'REFUSED') === wanted).length;
    return {
      kills,
      answers: count(false),
      lost: lost.length,
      repeated: repeated.length,
      refused: count(true),
      unknown,
      silenced: this.silenced,
      restartsMs: this.startsMs.slice(1),
      findings: [...this.findings, ...this.load.faults],
    };
  }

  async endServer(): Promise<void> {
    await this.server?.kill();
    this.server = null;
  }

  /** From the restart after a kill, with all its questions, to the next kill. */
  private async live(life: number): Promise<void> {
    const begunBefore = this.load.calls.length;
    const start = this.startsMs.length;
    let holds = 0;
    await this.withServer(async (admin) => {
      holds = await this.ask(admin);
      const client = admin.as(this.workspace.key);
      const missing = priceOf(CHARACTERS_OF_A_LIFE) - (await readBalance(client)).remaining;
      if (missing > 0n) await grantCredits(admin, this.workspace.id, missing);
      const callers = CALLERS_MIN + Math.floor(this.random() * (CALLERS_MAX - CALLERS_MIN + 1));
      const answered = this.load.nextAnswer();
      const running = this.load.run(client, callers);
      // Every other kill comes when the server is warm, the rest at any moment from the start on.
      if (life % 2 === 0) await Promise.race([answered, running]);
      await pause(LIVES_FOR_MS[0] + this.random() * (LIVES_FOR_MS[1] - LIVES_FOR_MS[0]));
      this.load.stop();
      await this.endServer();
      await running;
    });
    const calls = this.load.calls.slice(begunBefore);
    const lost = calls.filter(({ outcome }) => outcome === null).length;
    const ready = (this.startsMs[start]! / 1_000).toFixed(2);
    this.options.onProgress?.(
      `kill ${life}/${this.options.kills}: ready after ${ready} s with ${holds} open holds; ` +
        `${calls.length} calls, ${lost} of them cut off; ${this.findings.length + this.load.faults.length} findings`,
    );
  }

  /** Asks the books about the life before; answers how many holds are open. */
  private async ask(admin: GraphqlClient): Promise<number> {
    const recent = this.load.calls.slice(this.askedAbout);
    this.askedAbout = this.load.calls.length;
    const { findings, openHolds } = await this.place.withDatabase(async (database) => {
      const books = await checkBooks(database);
      return { ...books, findings: [...books.findings, ...(await checkCalls(database, recent))] };
    });
    this.findings.push(...findings);
    await this.hear(admin, recent);
    return openHolds;
  }

  /** What was answered last is heard as it was made, or is gone: audio is not synced before the answer. */
  private async hear(admin: GraphqlClient, recent: readonly TortureCall[]): Promise<void> {
    const answered = recent.filter(({ outcome }) => outcome !== null && outcome !== 'REFUSED').slice(-AUDIO_OF_A_LIFE);
    for (const { name, outcome } of answered) {
      const { audioPath, audioBytes } = outcome as TortureAnswer;
      const { status, body } = await admin.as(null).send(audioPath);
      if (status === 404) this.silenced += 1;
      else if (status !== 200) this.findings.push(`${name}: its audio is answered ${status}`);
      else if (body.length !== audioBytes || !isMp3(body))
        this.findings.push(`${name}: its audio is not what was made`);
    }
  }

  /** All leases run out; the next server that starts sweeps them. Answers how many there were. */
  private async resolveHolds(): Promise<number> {
    const due = await this.place.withDatabase(async (database) => {
      const { rows } = await database.query<{ operation_id: string }>(
        `UPDATE holds SET lease_until = ledger_now() - interval '1 second' RETURNING operation_id`,
      );
      return rows.map((row) => row.operation_id);
    });
    await this.withServer(async () =>
      this.place.withDatabase(async (database) => {
        await until('all holds are swept', SWEPT_WITHIN_MS, async () => (await openHolds(database)) === 0);
        const { rows } = await database.query<{ count: number }>(
          `SELECT count(*)::integer AS count FROM usage_events WHERE id = ANY ($1) AND status = 'UNKNOWN' AND credits = 0`,
          [due],
        );
        if (rows[0]!.count !== due.length) {
          this.findings.push(
            `${due.length} holds were due and ${rows[0]!.count} became UNKNOWN events that cost nothing`,
          );
        }
      }),
    );
    return due.length;
  }

  /** What was cut off under a key is asked for again, everything is counted, and the rest is spent. */
  private async settleUp(admin: GraphqlClient, repeated: TortureLoad['calls']): Promise<void> {
    const client = admin.as(this.workspace.key);
    // None of them may be refused for want of credits.
    await grantCredits(admin, this.workspace.id, priceOf(repeated.reduce((sum, { text }) => sum + text.length, 1)));
    await this.load.repeat(client, repeated, CALLERS_MAX);
    for (const { name, outcome } of repeated) if (outcome === null) this.findings.push(`${name}: has no answer still`);
    await this.place.withDatabase(async (database) => {
      const books = async (): Promise<void> => {
        const { findings, openHolds: holds } = await checkBooks(database);
        if (holds > 0) findings.push(`${holds} holds are open`);
        this.findings.push(...findings, ...(await checkSums(database, this.workspace.id)));
      };
      this.findings.push(...(await checkCalls(database, this.load.calls)));
      await books();
      await spendAll(client).catch((error: Error) => this.findings.push(error.message));
      await books();
    });
    const code = await this.server?.stop();
    if (code !== 0) this.findings.push(`the last server ended with ${code}`);
    this.server = null;
  }

  /** A server for a while, which may be gone afterwards. */
  private async withServer(work: (admin: GraphqlClient) => Promise<void>): Promise<void> {
    const began = performance.now();
    this.server = await this.place.start();
    this.startsMs.push(performance.now() - began);
    const admin = new GraphqlClient(this.server.url, this.place.adminKey);
    try {
      await work(admin);
    } finally {
      await admin.close();
      await this.endServer();
    }
  }
}
