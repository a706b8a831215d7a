import { type Endpoint, pageOf } from './endpoint';
import { branchOf, listOf, type Parameters, textOf } from './form';
import { listFrom, type Schedule, type SchedulePhase, type Subscription } from './objects';
import { invalid } from './refusal';
import type { Store } from './store';
import { isLive, periodOf, type SubscriptionLife } from './subscription-life';

const newestFirst = <T extends { readonly created: number; readonly id: string }>(all: Iterable<T>): T[] =>
  [...all].sort((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1));

/** Subscriptions, their items and schedules, and the invoices that come of them. */
export const subscriptionEndpoints = (store: Store, life: SubscriptionLife): readonly Endpoint[] => [
  {
    method: 'GET',
    path: '/v1/subscriptions',
    optional: ['customer', 'status', 'limit', 'starting_after'],
    run: (parameters) => {
      const customer = textOf(parameters.customer);
      if (customer !== undefined) store.find(store.customers, 'customer', customer, 'customer');
      const found = newestFirst(store.subscriptions.values()).filter(
        (one) =>
          (customer === undefined || one.customer === customer) &&
          (parameters.status === 'all' || one.status !== 'canceled'),
      );
      const { data, hasMore } = pageOf(found, parameters);
      const whole = listOf(parameters.expand).includes('data.schedule');
      const shown = data.map((one) => ({
        ...one,
        schedule: whole && one.schedule !== null ? store.schedules.get(one.schedule)! : one.schedule,
      }));
      return listFrom(shown, '/v1/subscriptions', hasMore);
    },
  },
  {
    method: 'GET',
    path: '/v1/subscriptions/:id',
    run: (_parameters, id) => store.find(store.subscriptions, 'subscription', id),
  },
  {
    method: 'POST',
    path: '/v1/subscriptions/:id',
    optional: ['items', 'proration_behavior', 'payment_behavior', 'cancel_at_period_end', 'cancel_at', 'metadata'],
    run: (parameters, id) => {
      const subscription = store.find(store.subscriptions, 'subscription', id);
      update(store, life, subscription, parameters);
      life.updated(subscription);
      return subscription;
    },
  },
  {
    method: 'POST',
    path: '/v1/subscription_items',
    required: ['subscription', 'price'],
    optional: ['proration_behavior', 'quantity'],
    run: (parameters) => {
      const subscription = store.find(
        store.subscriptions,
        'subscription',
        textOf(parameters.subscription)!,
        'subscription',
      );
      const item = life.addItem(subscription, store.find(store.prices, 'price', textOf(parameters.price)!, 'price'));
      life.updated(subscription);
      return item;
    },
  },
  {
    method: 'POST',
    path: '/v1/subscription_schedules',
    required: ['from_subscription'],
    run: (parameters) => {
      const subscription = store.find(
        store.subscriptions,
        'subscription',
        textOf(parameters.from_subscription)!,
        'from_subscription',
      );
      if (subscription.schedule !== null) {
        throw invalid('You cannot migrate a subscription that is already attached to a schedule.', 'from_subscription');
      }
      const { start, end } = periodOf(subscription);
      const schedule: Schedule = {
        id: store.id('sub_sched'),
        object: 'subscription_schedule',
        created: store.now,
        customer: subscription.customer,
        end_behavior: 'release',
        livemode: false,
        metadata: {},
        phases: [
          {
            start_date: start,
            end_date: end,
            items: subscription.items.data.map(({ price, quantity }) => ({
              price: price.id,
              ...(quantity && { quantity }),
            })),
            proration_behavior: 'create_prorations',
          },
        ],
        released_subscription: null,
        status: 'active',
        subscription: subscription.id,
      };
      store.schedules.set(schedule.id, schedule);
      subscription.schedule = schedule.id;
      store.emit('subscription_schedule.created', schedule);
      return schedule;
    },
  },
  {
    method: 'POST',
    path: '/v1/subscription_schedules/:id',
    optional: ['phases', 'end_behavior', 'proration_behavior'],
    run: (parameters, id) => {
      const schedule = store.find(store.schedules, 'subscription_schedule', id);
      if (schedule.status !== 'active')
        throw invalid(`You cannot update a subscription schedule that is ${schedule.status}.`);
      schedule.phases = phasesOf(store, listOf(parameters.phases).map(branchOf), schedule);
      schedule.end_behavior = textOf(parameters.end_behavior) ?? schedule.end_behavior;
      store.emit('subscription_schedule.updated', schedule);
      return schedule;
    },
  },
  {
    method: 'POST',
    path: '/v1/subscription_schedules/:id/release',
    run: (_parameters, id) => {
      const schedule = store.find(store.schedules, 'subscription_schedule', id);
      if (schedule.status !== 'active')
        throw invalid(`You cannot release a subscription schedule that is ${schedule.status}.`);
      const subscription = store.subscriptions.get(schedule.subscription!)!;
      subscription.schedule = null;
      schedule.status = 'released';
      schedule.released_subscription = subscription.id;
      schedule.subscription = null;
      store.emit('subscription_schedule.released', schedule);
      life.updated(subscription);
      return schedule;
    },
  },
  {
    method: 'GET',
    path: '/v1/invoices',
    optional: ['customer', 'subscription', 'limit', 'starting_after', 'status'],
    run: (parameters) => {
      const found = newestFirst(store.invoices.values()).filter(
        (invoice) =>
          (parameters.customer === undefined || invoice.customer === parameters.customer) &&
          (parameters.subscription === undefined ||
            invoice.parent?.subscription_details.subscription === parameters.subscription),
      );
      const { data, hasMore } = pageOf(found, parameters);
      // As Stripe does: the first lines alone, the rest under an address of its own.
      const shown = data.map((invoice) => ({
        ...invoice,
        lines: listFrom(invoice.lines.data.slice(0, 10), invoice.lines.url, invoice.lines.data.length > 10),
      }));
      return listFrom(shown, '/v1/invoices', hasMore);
    },
  },
  {
    method: 'GET',
    path: '/v1/invoices/:id/lines',
    optional: ['limit', 'starting_after'],
    run: (parameters, id) => {
      const { lines } = store.find(store.invoices, 'invoice', id);
      const { data, hasMore } = pageOf(lines.data, parameters);
      return listFrom(data, lines.url, hasMore);
    },
  },
];

function update(store: Store, life: SubscriptionLife, subscription: Subscription, parameters: Parameters): void {
  if (!isLive(subscription))
    throw invalid('A canceled subscription can only update its metadata and cancellation_details.');
  const cancels = parameters.cancel_at_period_end ?? parameters.cancel_at;
  if (cancels !== undefined && subscription.schedule !== null) {
    throw invalid(
      'The subscription is managed by a subscription schedule: update its cancelation there.',
      'cancel_at_period_end',
    );
  }
  for (const named of listOf(parameters.items).map(branchOf)) {
    const price = store.find(store.prices, 'price', textOf(named.price) ?? '', 'items[price]');
    const item = subscription.items.data.find(({ id }) => id === named.id);
    if (named.id !== undefined && !item)
      throw invalid(`No such subscription item: '${textOf(named.id)}'`, 'items', 'resource_missing');
    if (!item && subscription.items.data.some((one) => one.price.id === price.id)) {
      throw invalid('Cannot add multiple subscription items with the same price.', 'items');
    }
    if (price.recurring?.usage_type === 'metered' && named.quantity !== undefined) {
      throw invalid('You cannot set a quantity for metered prices.', 'items[quantity]');
    }
    const proration = textOf(parameters.proration_behavior) ?? 'create_prorations';
    if (item)
      life.changePrice(subscription, item, price, proration, textOf(parameters.payment_behavior) ?? 'allow_incomplete');
    else life.addItem(subscription, price);
  }
  if (parameters.cancel_at_period_end !== undefined) {
    subscription.cancel_at_period_end = parameters.cancel_at_period_end === 'true';
    subscription.canceled_at = subscription.cancel_at_period_end ? store.now : null;
    subscription.cancel_at = subscription.cancel_at_period_end ? periodOf(subscription).end : null;
  }
  if (parameters.cancel_at !== undefined) {
    subscription.cancel_at = parameters.cancel_at === '' ? null : Number(parameters.cancel_at);
    subscription.canceled_at = parameters.cancel_at === '' ? null : store.now;
  }
}

function phasesOf(store: Store, drafts: readonly Parameters[], schedule: Schedule): SchedulePhase[] {
  let start = schedule.phases[0]!.start_date;
  return drafts.map((draft) => {
    if (draft.start_date !== undefined && Number(draft.start_date) !== start) {
      throw invalid('The start date of a phase must be the end date of the one before.', 'phases[start_date]');
    }
    const duration = branchOf(draft.duration);
    const end =
      draft.end_date === undefined
        ? start + Number(duration.interval_count ?? 1) * 30 * 86_400
        : Number(draft.end_date);
    const items = listOf(draft.items).map(branchOf);
    if (items.length === 0)
      throw invalid('Missing required param: phases[items].', 'phases[items]', 'parameter_missing');
    const phase: SchedulePhase = {
      start_date: start,
      end_date: end,
      items: items.map((item) => {
        const price = store.find(store.prices, 'price', textOf(item.price) ?? '', 'phases[items][price]');
        if (price.recurring?.usage_type === 'metered' && item.quantity !== undefined) {
          throw invalid('You cannot set a quantity for metered prices.', 'phases[items][quantity]');
        }
        return { price: price.id, ...(item.quantity !== undefined && { quantity: Number(item.quantity) }) };
      }),
      proration_behavior: textOf(draft.proration_behavior) ?? 'create_prorations',
    };
    start = end;
    return phase;
  });
}
