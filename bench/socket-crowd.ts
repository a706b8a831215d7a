import { performance } from 'node:perf_hooks';
import { percentile } from './figures';
import { answerCommands } from './helper-process';
import { LeanSocket } from './lean-socket';

export interface CrowdOrder {
  readonly origin: string;
  /** One key for each workspace. */
  readonly keys: readonly string[];
  readonly sockets: number;
}

export interface CrowdReport {
  readonly received: number;
  /** Milliseconds from settlement to here. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Of each workspace, in the order of the keys: ids in the order in which they came. */
  readonly events: readonly (readonly string[])[];
  /** Of each workspace: the least that one of its sockets has got. */
  readonly least: readonly number[];
  /** Events that came to a socket twice, out of order, or to a workspace that is not theirs. */
  readonly misplaced: number;
}

/** Sockets that are opened at once. */
const OPENING = 100;
/** One address has some 28,000 ports to offer. */
const SOCKETS_OF_AN_ADDRESS = 20_000;

/** What a dashboard asks for. */
const QUERY = `subscription Live($after: String) {
  usageUpdated(after: $after) {
    cursor
    usage { id status credits characters providerId settledAt }
    balance { remaining state }
  }
}`;

interface Update {
  readonly cursor: string;
  readonly usage: { readonly id: string; readonly settledAt: string };
}
interface Message {
  readonly type: string;
  readonly payload?: { readonly data?: { readonly usageUpdated: Update } | null };
}

/** What has come is read so much later, in one go: reading it at once would delay what comes next, and count. */
const READ_AFTER_MS = 50;

/** Events of one workspace in the order in which its first socket got them; every other must get the same. */
interface Workspace {
  readonly key: string;
  readonly events: string[];
}

let misplaced = 0;
let received = 0;
let delays: number[] = [];
let failure: Error | null = null;
let members: Member[] = [];
let workspaces: Workspace[] = [];
let origin = '';
let unread: { readonly member: Member; readonly text: Buffer; readonly at: number }[] = [];

function arrived(member: Member, text: Buffer): void {
  if (unread.length === 0) setTimeout(readAll, READ_AFTER_MS);
  unread.push({ member, text, at: performance.now() });
}

function readAll(): void {
  const messages = unread;
  unread = [];
  for (const { member, text, at } of messages) member.read(text.toString('utf8'), performance.timeOrigin + at);
}

class Member {
  /** How many events of its workspace it has got. */
  position = 0;
  private cursor: string | null = null;
  private socket: LeanSocket | null = null;

  constructor(
    readonly workspace: Workspace,
    private readonly localAddress: string,
  ) {}

  /** Resolves when it is signed in and has asked for what follows its last event. */
  async open(): Promise<void> {
    const socket = await LeanSocket.open(origin, this.localAddress);
    this.socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.onEnd = (reason) => {
        const error = new Error(`a socket was ended: ${reason}`);
        failure ??= error;
        reject(error);
      };
      socket.onMessage = () => resolve();
      socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${this.workspace.key}` } });
    });
    socket.onMessage = (text) => arrived(this, text);
    const variables = this.cursor === null ? {} : { after: this.cursor };
    socket.send({ id: '1', type: 'subscribe', payload: { query: QUERY, variables } });
  }

  drop(): void {
    if (!this.socket) return;
    this.socket.onEnd = () => {};
    this.socket.drop();
    this.socket = null;
  }

  /** Events before this moment do not count. */
  begin(): void {
    this.position = 0;
  }

  /** @param at milliseconds since 1970 at which it came */
  read(text: string, at: number): void {
    const { type, payload } = JSON.parse(text) as Message;
    const update = payload?.data?.usageUpdated;
    if (type !== 'next' || !update) {
      failure ??= new Error(`a subscription was told: ${text}`);
      return;
    }
    this.cursor = update.cursor;
    received += 1;
    delays.push(at - Date.parse(update.usage.settledAt));
    const { events } = this.workspace;
    const { id } = update.usage;
    if (this.position === events.length) events.push(id);
    else if (events[this.position] !== id) misplaced += 1;
    this.position += 1;
  }
}

async function openAll(): Promise<void> {
  let next = 0;
  const open = async (): Promise<void> => {
    for (let mine = next++; mine < members.length; mine = next++) await members[mine]!.open();
  };
  await Promise.all(Array.from({ length: OPENING }, open));
}

answerCommands({
  async open(order: CrowdOrder): Promise<number> {
    origin = order.origin;
    workspaces = order.keys.map((key) => ({ key, events: [] }));
    members = Array.from(
      { length: order.sockets },
      (_, n) => new Member(workspaces[n % workspaces.length]!, `127.0.0.${1 + Math.floor(n / SOCKETS_OF_AN_ADDRESS)}`),
    );
    await openAll();
    return members.length;
  },
  /** How many have heard of any event so far. */
  awake(): number {
    readAll();
    return members.filter(({ position }) => position > 0).length;
  },
  /** Forgets what came so far. */
  begin() {
    readAll();
    for (const workspace of workspaces) workspace.events.length = 0;
    for (const member of members) member.begin();
    delays = [];
    received = 0;
  },
  /** Every socket breaks; nobody reconnects yet. */
  drop() {
    readAll();
    for (const member of members) member.drop();
  },
  /** All of them come back at once, each after its last event. */
  reconnect: openAll,
  received(): number {
    readAll();
    if (failure) throw failure;
    return received;
  },
  report(): CrowdReport {
    readAll();
    if (failure) throw failure;
    return {
      received,
      p50: percentile(delays, 50),
      p99: percentile(delays, 99),
      max: percentile(delays, 100),
      events: workspaces.map(({ events }) => events),
      least: workspaces.map((workspace) =>
        members.reduce(
          (least, member) => (member.workspace === workspace ? Math.min(least, member.position) : least),
          Number.MAX_SAFE_INTEGER,
        ),
      ),
      misplaced,
    };
  },
  close() {
    for (const member of members) member.drop();
  },
});
