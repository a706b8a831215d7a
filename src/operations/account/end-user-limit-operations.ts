import type { SetEndUserLimitInput } from '../../../schema/inputs/end-user-limit-inputs';
import type { Connection } from '../../../schema/types/connection';
import type { EndUserLimit } from '../../../schema/types/end-user-limit';
import type { EndUserLimits, EndUserLimit as StoredLimit } from '../../billing/end-user-limits';
import type { PrincipalContext } from '../../identity/caller';
import { formatCredits } from '../../lib/credits';
import { checkEndUserId } from '../../lib/end-user-id';
import { badInput } from '../../lib/errors';
import { checkCredits } from '../input-rules';

const REQUESTS_PER_MINUTE_MAX = 100_000;

/** What single end users of a workspace may use, on behalf of whoever asks. */
export class EndUserLimitOperations {
  constructor(private readonly limits: EndUserLimits) {}

  /** In the order of the ids of the end users. */
  async list(
    context: PrincipalContext,
    page: { first: number; after: string | null },
  ): Promise<Connection<EndUserLimit>> {
    const { edges, pageInfo } = await this.limits.list(context.principal.workspaceId, page);
    return { pageInfo, edges: edges.map(({ cursor, node }) => ({ cursor, node: limitView(node) })) };
  }

  /** @throws AppError BAD_USER_INPUT: no limit at all, or one out of its range; PLAN_LIMIT: 10,000 end users have some */
  async set(context: PrincipalContext, input: SetEndUserLimitInput): Promise<EndUserLimit> {
    const endUserId = checkEndUserId(input.endUserId);
    const bounds = {
      creditsPerDay: checkCredits('creditsPerDay', input.creditsPerDay),
      creditsPerPeriod: checkCredits('creditsPerPeriod', input.creditsPerPeriod),
      requestsPerMinute: checkRequests(input.requestsPerMinute ?? null),
    };
    if (Object.values(bounds).every((bound) => bound === null)) {
      throw badInput(
        'input',
        'Give at least one of creditsPerDay, creditsPerPeriod and requestsPerMinute; deleteEndUserLimit lifts all limits of an end user.',
      );
    }
    return limitView(await this.limits.set(context.principal.workspaceId, endUserId, bounds));
  }

  /** Answers the id that has no limits any more. @throws AppError NOT_FOUND */
  async delete(context: PrincipalContext, endUserId: string): Promise<string> {
    await this.limits.delete(context.principal.workspaceId, checkEndUserId(endUserId));
    return endUserId;
  }
}

function checkRequests(value: number | null): number | null {
  if (value !== null && !(value >= 1 && value <= REQUESTS_PER_MINUTE_MAX)) {
    throw badInput(
      'requestsPerMinute',
      `requestsPerMinute takes a whole number from 1 to ${REQUESTS_PER_MINUTE_MAX}; leave it out for no such limit.`,
    );
  }
  return value;
}

function limitView(limit: StoredLimit): EndUserLimit {
  const { creditsPerDay, creditsPerPeriod } = limit;
  return {
    endUserId: limit.endUserId,
    creditsPerDay: creditsPerDay === null ? null : formatCredits(creditsPerDay),
    creditsPerPeriod: creditsPerPeriod === null ? null : formatCredits(creditsPerPeriod),
    requestsPerMinute: limit.requestsPerMinute,
    usedToday: formatCredits(limit.usedToday),
    usedThisPeriod: formatCredits(limit.usedThisPeriod),
    updatedAt: limit.updatedAt,
  };
}
