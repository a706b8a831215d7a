import type { EventRecord } from '../../../src/ledger/entries';
import { micro } from '../../../src/lib/credits';
import { newId } from '../../../src/lib/ids';
import { reserveOf, SUCCEEDED } from '../../ledger/support/ledger-harness';
import { moveClock, stopClock } from '../../support/database';
import type { TestServer } from '../../support/test-server';

/** Usage that settles at a moment of the ledger's clock. */
export interface SettledUsage {
  /** ISO 8601; left out: now. */
  readonly at?: string;
  /** Micro-credits. */
  readonly credits?: number;
  readonly event?: Partial<EventRecord>;
}

/** Holds and settles through the ledger, one after the other, without a provider; ids of the operations. */
export async function settleUsage(
  server: TestServer,
  workspaceId: string,
  usages: readonly SettledUsage[],
): Promise<string[]> {
  const { ledger } = server.container;
  const ids: string[] = [];
  try {
    for (const { at, credits = 0, event } of usages) {
      if (at !== undefined) await stopClock(server.database, Date.parse(at));
      const operationId = newId();
      const details = { ...SUCCEEDED, ...event };
      const held = await ledger.reserve({
        ...reserveOf(workspaceId, operationId, micro(credits)),
        clientTokenId: details.client_token_id,
        details,
      });
      if (held.outcome !== 'HELD') throw new Error(`the hold was answered with ${held.outcome}`);
      await ledger.settle({
        operationId,
        workspaceId,
        credits: micro(credits),
        allowance: 0,
        listCredits: micro(0),
        event: details,
      });
      ids.push(operationId);
    }
  } finally {
    await moveClock(server.database, 0);
  }
  return ids;
}

/** Does something at a moment of the ledger's clock. */
export async function atMoment<T>(server: TestServer, at: string, task: () => Promise<T>): Promise<T> {
  await stopClock(server.database, Date.parse(at));
  try {
    return await task();
  } finally {
    await moveClock(server.database, 0);
  }
}
