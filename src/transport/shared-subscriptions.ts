import { createHash } from 'node:crypto';
import { type ExecutionArgs, type ExecutionResult, execute, type OperationDefinitionNode } from 'graphql';
import type { Logger } from 'pino';
import type { Principal } from '../identity/principal';
import type { Clock } from '../lib/clock';
import { newId } from '../lib/ids';
import type { SharedEvents } from '../lib/shared-events';
import type { RequestContext } from '../resolvers/context';
import { describe, maskError } from './error-masking';
import { eventShape } from './event-shape';
import type { InFlight } from './intake';
import { type Outlet, SharedReader } from './shared-reader';
import { SharedSubscription } from './shared-subscription';

export interface SharedSubscriptionsDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly deliveries: InFlight;
  /** A reader who was up to date and is more events behind than this is let go; 1,000 by default. */
  readonly eventsBehindMax?: number;
}

const EVENTS_BEHIND_MAX = 1_000;

/** A subscription that has been let in, and whose events are shared. */
export interface SharedStart {
  readonly args: ExecutionArgs & { readonly contextValue: RequestContext };
  readonly operation: OperationDefinitionNode;
  readonly principal: Principal;
  readonly outlet: Outlet;
  /** Of the subscription on its socket. */
  readonly id: string;
}

/**
 * Brings together the subscriptions that ask for the same in the same words with the same rights: the same events, the
 * same shape, the same values of its variables, and principals that differ in nothing. Such readers are told the same.
 */
export class SharedSubscriptions {
  private readonly ofLogs = new WeakMap<object, Map<string, SharedSubscription<never>>>();
  private readonly fingerprints = new WeakMap<Principal, string>();

  constructor(private readonly dependencies: SharedSubscriptionsDependencies) {}

  join<Event extends object>(source: SharedEvents<Event>, start: SharedStart): SharedReader<Event> {
    const { log } = source;
    let ofLog = this.ofLogs.get(log);
    if (!ofLog) {
      ofLog = new Map();
      this.ofLogs.set(log, ofLog);
    }
    const subscriptions = ofLog;
    const key = this.keyOf(start);
    let shared = subscriptions.get(key) as SharedSubscription<Event> | undefined;
    if (!shared) {
      const { clock, deliveries, eventsBehindMax = EVENTS_BEHIND_MAX } = this.dependencies;
      // Its first reader may be gone long before the others.
      const contextValue: RequestContext = { ...start.args.contextValue, connection: null };
      shared = new SharedSubscription<Event>({
        log,
        clock,
        deliveries,
        behindMax: eventsBehindMax,
        execute: (event) => this.execute({ ...start.args, contextValue }, event),
        failure: (error) => this.failure(error),
        onError: (error) => this.dependencies.log.error({ err: describe(error) }, 'events could not be read'),
        onEmpty: () => void subscriptions.delete(key),
      });
      subscriptions.set(key, shared as unknown as SharedSubscription<never>);
    }
    return new SharedReader(shared, start.outlet, start.id, source.after, () => source.close());
  }

  private keyOf({ args, operation, principal }: SharedStart): string {
    const { text, variables } = eventShape(args.document, operation);
    const values = variables.map((name) => args.variableValues?.[name]);
    return createHash('sha256')
      .update(JSON.stringify([this.fingerprintOf(principal), text, values.map((value) => value ?? null)]))
      .update(JSON.stringify(values.map((value) => value === undefined)))
      .digest('base64');
  }

  private fingerprintOf(principal: Principal): string {
    let fingerprint = this.fingerprints.get(principal);
    if (fingerprint === undefined) {
      fingerprint = JSON.stringify(Object.entries(principal).sort(([a], [b]) => (a < b ? -1 : 1)));
      this.fingerprints.set(principal, fingerprint);
    }
    return fingerprint;
  }

  private async execute(args: ExecutionArgs & { readonly contextValue: RequestContext }, event: object) {
    const requestId = newId();
    try {
      const result = await execute({ ...args, rootValue: event, contextValue: { ...args.contextValue, requestId } });
      return { payload: this.payload(result, requestId), lasts: !result.errors };
    } catch (error) {
      return { payload: this.failure(error), lasts: false };
    }
  }

  private payload({ data, errors }: ExecutionResult, requestId: string): string {
    return JSON.stringify({
      data,
      ...(errors && { errors: errors.map((error) => maskError(error, requestId, this.dependencies.log)) }),
      extensions: { requestId },
    });
  }

  private failure(error: unknown): string {
    const requestId = newId();
    return JSON.stringify({
      data: null,
      errors: [maskError(error, requestId, this.dependencies.log)],
      extensions: { requestId },
    });
  }
}
