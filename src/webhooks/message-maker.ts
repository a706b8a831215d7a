import { createHash } from 'node:crypto';
import type { Clock } from '../lib/clock';
import type { OwnedEndpoint, PlaceBehind } from './endpoint-work';
import type { WaitingMessages } from './waiting-messages';
import { isLog, isState, type LogEvent, type StateEvent, typeOf, type WebhookEvent } from './webhook-event';
import type { MessageData, WebhookSources } from './webhook-sources';

/**
 * Messages of one endpoint that may wait. Beyond, its places wait: the events stay where they are, and are told when
 * there is room again.
 */
export const WAITING_MAX = 100_000;
/** Events that become messages in one step. */
const BATCH = 200;

export interface MadeMessages {
  /** By how many more wait than before. */
  readonly added: number;
  /** Whether an event was behind by more than one step. */
  readonly more: boolean;
}

/** What a message says, the same at each attempt. */
export const bodyOf = (event: WebhookEvent, occurredAt: Date, data: MessageData): string =>
  JSON.stringify({ type: typeOf(event), timestamp: occurredAt.toISOString(), data });

/** Tells two states apart by what would be told of them. */
export const contentOf = (data: MessageData | null): Buffer =>
  createHash('sha256').update(JSON.stringify(data)).digest();

/** Makes messages of what an endpoint has not been told yet. */
export class MessageMaker {
  constructor(
    private readonly dependencies: {
      readonly clock: Clock;
      readonly messages: WaitingMessages;
      readonly sources: WebhookSources;
    },
  ) {}

  /**
   * @param waiting how many messages wait for the endpoint
   * @param underWay events of which a message is being sent: the next state is told when that has ended, so that the
   *   last one told is the last one
   */
  async make(endpoint: OwnedEndpoint, waiting: number, underWay: ReadonlySet<WebhookEvent>): Promise<MadeMessages> {
    let added = 0;
    let more = false;
    for (const place of endpoint.behind) {
      const room = WAITING_MAX - waiting - added;
      if (room <= 0) break;
      const { event } = place;
      if (isLog(event)) {
        const made = await this.tellLog(endpoint, event, place, Math.min(room, BATCH));
        added += made.added;
        more ||= made.more;
      } else if (isState(event) && !underWay.has(event)) {
        added += await this.tellState(endpoint, event, place);
      }
    }
    return { added, more: more && WAITING_MAX > waiting + added };
  }

  private async tellLog(
    { id, workspaceId }: OwnedEndpoint,
    event: LogEvent,
    place: PlaceBehind,
    most: number,
  ): Promise<MadeMessages> {
    const { messages, sources } = this.dependencies;
    const from = place.sequence!;
    const items = await sources.logs[event](workspaceId, from, most);
    // What is not there any more was kept for longer than anybody was told of it.
    const to = items.at(-1)?.sequence ?? place.last!;
    const bodies = items.map(({ occurredAt, data }) => bodyOf(event, occurredAt, data));
    if (!(await messages.addLogged(id, event, from, to, bodies))) return { added: 0, more: false };
    return { added: bodies.length, more: to < place.last! };
  }

  private async tellState({ id, workspaceId }: OwnedEndpoint, event: StateEvent, place: PlaceBehind): Promise<number> {
    const { clock, messages, sources } = this.dependencies;
    // Read after the version was: it is that version's state, or a later one, which is then found to be told already.
    const data = await sources.states[event](workspaceId);
    const content = contentOf(data);
    const told =
      data === null || content.toString('hex') === place.content
        ? null
        : { body: bodyOf(event, new Date(clock.now()), data), content };
    return (await messages.addState(id, event, place.version!, place.currentVersion!, told)) ?? 0;
  }
}
