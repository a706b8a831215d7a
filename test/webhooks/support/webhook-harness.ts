import { AlertLog } from '../../../src/alerts/alert-log';
import { Subscriptions } from '../../../src/billing/subscriptions';
import type { Database } from '../../../src/db/database';
import { newId } from '../../../src/lib/ids';
import { KeyRing } from '../../../src/lib/keys';
import { webhookSources } from '../../../src/operations/account/webhook-messages';
import { UsageRepository } from '../../../src/operations/usage-repository';
import type { Resolve } from '../../../src/outbound/outbound-target';
import { DeliveryLog } from '../../../src/webhooks/delivery-log';
import { EndpointWork } from '../../../src/webhooks/endpoint-work';
import { WaitingMessages } from '../../../src/webhooks/waiting-messages';
import { WebhookDispatcher } from '../../../src/webhooks/webhook-dispatcher';
import { WebhookEndpoints } from '../../../src/webhooks/webhook-endpoints';
import type { WebhookEvent } from '../../../src/webhooks/webhook-event';
import { WebhookSecretSealer } from '../../../src/webhooks/webhook-secret';
import { LedgerHarness } from '../../ledger/support/ledger-harness';
import { moveClock, openTestDatabase, type TestDatabase } from '../../support/database';
import { TestClock } from '../../support/test-clock';
import { WebhookReceiver } from './webhook-receiver';

export const ROOT_KEY = Buffer.alloc(32, 3);

/** What one server process has of webhooks. */
export interface WebhookNode {
  readonly dispatcher: WebhookDispatcher;
  readonly endpoints: WebhookEndpoints;
  readonly log: DeliveryLog;
  readonly work: EndpointWork;
  readonly errors: unknown[];
}

/** Webhooks over a real database and a real ledger, told to a real receiver, under a clock that the test moves. */
export class WebhookHarness {
  readonly clock = new TestClock();
  readonly receiver = new WebhookReceiver();
  readonly ledger: LedgerHarness;
  /** Where names lead to; `hooks.test` is the receiver. */
  readonly names = new Map<string, readonly string[]>([['hooks.test', ['127.0.0.1']]]);
  readonly node: WebhookNode;
  private readonly nodes: WebhookNode[] = [];

  private constructor(readonly test: TestDatabase) {
    this.ledger = new LedgerHarness(test.database);
    this.node = this.openNode(test.database);
  }

  static async open(): Promise<WebhookHarness> {
    const harness = new WebhookHarness(await openTestDatabase());
    await harness.receiver.listen();
    return harness;
  }

  get database(): Database {
    return this.test.database;
  }

  /** A further process on the same data. */
  openNode(database: Database, keyRing = new KeyRing(ROOT_KEY)): WebhookNode {
    const { clock, ledger } = this;
    const sealer = new WebhookSecretSealer(keyRing);
    const sources = webhookSources({
      usage: new UsageRepository(database),
      alerts: new AlertLog(database),
      balances: ledger.balances,
      subscriptions: new Subscriptions({ database, accounts: ledger.accounts, defaultPlanId: () => 'empty' }),
      book: { findPlan: () => null },
    });
    const resolve: Resolve = async (name) => {
      const found = this.names.get(name);
      if (!found) throw new Error('ENOTFOUND');
      return found;
    };
    const allowed = this.receiverAllowed;
    const rules = { resolve, allowed };
    const errors: unknown[] = [];
    const work = new EndpointWork(database, newId());
    const node: WebhookNode = {
      work,
      errors,
      log: new DeliveryLog(database),
      endpoints: new WebhookEndpoints({ ...rules, database, clock, sealer, sources }),
      dispatcher: new WebhookDispatcher({
        ...rules,
        clock,
        work,
        sources,
        sealer,
        messages: new WaitingMessages(database, clock),
        onError: (error) => errors.push(error),
        random: () => 0,
      }),
    };
    this.nodes.push(node);
    return node;
  }

  /** host:port pairs that are let through; filled when the receiver listens. */
  private readonly receiverAllowed: string[] = [];

  url(path = '/hook'): string {
    const allowed = `hooks.test:${this.receiver.port}`;
    if (!this.receiverAllowed.includes(allowed)) this.receiverAllowed.push(allowed);
    return `http://${allowed}${path}`;
  }

  endpoint(workspaceId: string, events: readonly WebhookEvent[] | null, url = this.url()) {
    return this.node.endpoints.create(workspaceId, { url, events }, async () => {});
  }

  /** One operation from its hold to its event. */
  async use(workspaceId: string, credits = 1): Promise<string> {
    const { operationId } = await this.ledger.reserve(workspaceId, credits);
    await this.ledger.settle(workspaceId, operationId, credits);
    return operationId;
  }

  async later(ms: number): Promise<void> {
    await moveClock(this.database, ms);
    this.clock.advance(ms);
  }

  /** Does what is due and answers the messages that came of it. */
  async round(node = this.node) {
    await node.dispatcher.round();
    return this.receiver.take();
  }

  async deliveries(workspaceId: string, endpointId: string) {
    const { edges } = await this.node.log.list(workspaceId, endpointId, { first: 100, after: null });
    return edges.map((edge) => edge.node).reverse();
  }

  async waiting(endpointId: string): Promise<number> {
    const { rows } = await this.database.query<{ count: number }>(
      'SELECT count(*)::integer AS count FROM webhook_messages WHERE endpoint_id = $1',
      [endpointId],
    );
    return rows[0]!.count;
  }

  async close(): Promise<void> {
    for (const { dispatcher } of this.nodes) await dispatcher.close();
    await this.receiver.close();
    await this.test.close();
  }
}
