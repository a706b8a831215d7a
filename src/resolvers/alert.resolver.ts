import { Arg, Ctx, Mutation, Query, Resolver, Root, Subscription } from '../../schema/decorators';
import { AlertRuleInput, DeleteAlertRuleInput, UpdateAlertRuleInput } from '../../schema/inputs/alert-inputs';
import { Alert, AlertConnection, AlertRule, AlertRulePayload } from '../../schema/types/alert';
import { DeletePayload } from '../../schema/types/delete-payload';
import type { RequestContext } from './context';
import { eventOf, withFailureAsEvent } from './live-events';
import { After, First, pageOf } from './page';
import { requireApiKey } from './rights';

interface AlertRaisedCall {
  readonly args: { readonly after?: string | null };
  readonly context: RequestContext;
}

async function openAlertRaised({ args, context }: AlertRaisedCall) {
  requireApiKey(context, 'READ');
  return withFailureAsEvent(await context.services.alerts.raised(context, args.after ?? null));
}

/** Alerts speak of the whole workspace, so client tokens have no part in them. */
@Resolver()
export class AlertResolver {
  @Query(() => [AlertRule], {
    nullable: true,
    description: 'What is watched for in this workspace, oldest first; at most 50 rules.',
  })
  alertRules(@Ctx() context: RequestContext) {
    requireApiKey(context, 'READ');
    return context.services.alerts.listRules(context);
  }

  @Query(() => AlertConnection, { nullable: true, description: 'What was raised in this workspace, newest first.' })
  alerts(
    @Ctx() context: RequestContext,
    @First()
    first?: number | null,
    @After()
    after?: string | null,
  ) {
    requireApiKey(context, 'READ');
    return context.services.alerts.list(context, pageOf(first, after));
  }

  @Mutation(() => AlertRulePayload, {
    nullable: true,
    description:
      'Watches for something from now on; what is across the threshold already is raised at once. With 50 rules, PLAN_LIMIT (limit ALERT_RULES).',
  })
  async createAlertRule(
    @Ctx() context: RequestContext,
    @Arg('input', () => AlertRuleInput, { description: 'The new rule.' }) input: AlertRuleInput,
  ): Promise<AlertRulePayload> {
    requireApiKey(context, 'MANAGE');
    return { rule: await context.services.alerts.createRule(context, input) };
  }

  @Mutation(() => AlertRulePayload, { nullable: true, description: 'Changes a rule, or switches it off or on.' })
  async updateAlertRule(
    @Ctx() context: RequestContext,
    @Arg('input', () => UpdateAlertRuleInput, { description: 'Which rule, and what of it.' })
    input: UpdateAlertRuleInput,
  ): Promise<AlertRulePayload> {
    requireApiKey(context, 'MANAGE');
    return { rule: await context.services.alerts.updateRule(context, input) };
  }

  @Mutation(() => DeletePayload, {
    nullable: true,
    description: 'Removes a rule, which raises nothing more. The alerts that it raised stay.',
  })
  async deleteAlertRule(
    @Ctx() context: RequestContext,
    @Arg('input', () => DeleteAlertRuleInput, { description: 'Which rule.' }) input: DeleteAlertRuleInput,
  ): Promise<DeletePayload> {
    requireApiKey(context, 'MANAGE');
    await context.services.alerts.deleteRule(context, input.id);
    return { deletedId: input.id };
  }

  @Subscription(() => Alert, {
    subscribe: openAlertRaised,
    description:
      'Each alert of the workspace as it is raised, on whichever node it was found; in the order in which they were raised, each once.',
  })
  alertRaised(
    @Root() alert: Readonly<Alert>,
    @Arg('after', () => String, {
      nullable: true,
      description:
        'Alert.cursor last seen; alerts of the last 24 hours can be asked for again, an older cursor is RESUME_EXPIRED. Only new alerts, when left out.',
    })
    _after?: string | null,
  ) {
    return eventOf(alert);
  }
}
