import { type Endpoint, pageOf } from './endpoint';
import { branchOf, listOf, type Parameters, textOf, textsOf } from './form';
import { type CheckoutSession, listFrom } from './objects';
import { invalid } from './refusal';
import type { Store } from './store';

const SESSION_SECONDS = 86_400;

/** What is to be bought on a page, beside what the session shows. */
export interface Cart {
  readonly items: readonly {
    readonly price?: string;
    readonly quantity?: number;
    readonly amount: number;
    readonly name: string;
  }[];
  readonly trialDays?: number;
  readonly subscriptionMetadata: Record<string, string>;
  readonly paymentMetadata: Record<string, string>;
  readonly makesInvoice: boolean;
}

/** Checkout, the portal, payments and disputes. */
export const paymentEndpoints = (store: Store, carts: Map<string, Cart>): readonly Endpoint[] => [
  {
    method: 'POST',
    path: '/v1/checkout/sessions',
    required: ['mode', 'line_items', 'success_url'],
    optional: [
      'customer',
      'cancel_url',
      'client_reference_id',
      'metadata',
      'subscription_data',
      'payment_intent_data',
      'invoice_creation',
    ],
    run: (parameters) => {
      const mode = textOf(parameters.mode);
      if (mode !== 'payment' && mode !== 'subscription') throw invalid('Invalid mode.', 'mode');
      const customer = store.find(store.customers, 'customer', textOf(parameters.customer) ?? '', 'customer').id;
      for (const name of ['success_url', 'cancel_url']) {
        const address = textOf(parameters[name]);
        if (address !== undefined && !/^https?:\/\//.test(address))
          throw invalid('Not a valid URL', name, 'url_invalid');
      }
      const cart = cartOf(store, mode, parameters);
      const id = store.id('cs_test');
      const session: CheckoutSession = {
        id,
        object: 'checkout.session',
        amount_total: cart.items.reduce((sum, item) => sum + item.amount, 0),
        cancel_url: textOf(parameters.cancel_url) ?? null,
        client_reference_id: textOf(parameters.client_reference_id) ?? null,
        created: store.now,
        currency: 'usd',
        customer,
        expires_at: store.now + SESSION_SECONDS,
        invoice: null,
        livemode: false,
        metadata: textsOf(parameters.metadata),
        mode,
        payment_intent: null,
        payment_status: 'unpaid',
        status: 'open',
        subscription: null,
        success_url: textOf(parameters.success_url) ?? null,
        url: `https://checkout.stripe.com/c/pay/${id}`,
      };
      store.sessions.set(id, session);
      carts.set(id, cart);
      return session;
    },
  },
  {
    method: 'GET',
    path: '/v1/checkout/sessions',
    optional: ['customer', 'status', 'limit', 'starting_after'],
    run: (parameters) => {
      const found = [...store.sessions.values()]
        .reverse()
        .filter(
          (session) =>
            (parameters.customer === undefined || session.customer === parameters.customer) &&
            (parameters.status === undefined || session.status === parameters.status),
        );
      const { data, hasMore } = pageOf(found, parameters);
      return listFrom(data, '/v1/checkout/sessions', hasMore);
    },
  },
  {
    method: 'POST',
    path: '/v1/checkout/sessions/:id/expire',
    run: (_parameters, id) => {
      const session = store.find(store.sessions, 'checkout.session', id);
      if (session.status !== 'open') throw invalid('Only Checkout Sessions with a status of `open` can be expired.');
      session.status = 'expired';
      session.url = null;
      store.emit('checkout.session.expired', session);
      return session;
    },
  },
  {
    method: 'POST',
    path: '/v1/billing_portal/sessions',
    required: ['customer'],
    optional: ['return_url'],
    run: (parameters) => {
      const { id: customer } = store.find(store.customers, 'customer', textOf(parameters.customer)!, 'customer');
      const id = store.id('bps');
      return {
        id,
        object: 'billing_portal.session',
        configuration: 'bpc_double',
        created: store.now,
        customer,
        livemode: false,
        return_url: textOf(parameters.return_url) ?? null,
        url: `https://billing.stripe.com/p/session/${id}`,
      };
    },
  },
  {
    method: 'GET',
    path: '/v1/payment_intents/:id',
    run: (parameters, id) => {
      const payment = store.find(store.payments, 'payment_intent', id);
      if (!listOf(parameters.expand).includes('latest_charge') || payment.latest_charge === null) return payment;
      return { ...payment, latest_charge: store.charges.get(payment.latest_charge)! };
    },
  },
  {
    method: 'GET',
    path: '/v1/disputes',
    optional: ['payment_intent', 'charge', 'limit', 'starting_after'],
    run: (parameters) => {
      const found = [...store.disputes.values()].filter(
        (dispute) => parameters.payment_intent === undefined || dispute.payment_intent === parameters.payment_intent,
      );
      const { data, hasMore } = pageOf(found, parameters);
      return listFrom(data, '/v1/disputes', hasMore);
    },
  },
];

function cartOf(store: Store, mode: 'payment' | 'subscription', parameters: Parameters): Cart {
  const subscriptionData = branchOf(parameters.subscription_data);
  const trial = textOf(subscriptionData.trial_period_days);
  if (mode === 'payment' && parameters.subscription_data !== undefined) {
    throw invalid('You can not pass `subscription_data` in `payment` mode.', 'subscription_data');
  }
  if (mode === 'subscription' && (parameters.payment_intent_data ?? parameters.invoice_creation) !== undefined) {
    throw invalid('You can not pass `payment_intent_data` in `subscription` mode.', 'payment_intent_data');
  }
  const items = listOf(parameters.line_items)
    .map(branchOf)
    .map((item) => {
      if (item.price_data !== undefined) {
        const data = branchOf(item.price_data);
        const unit = textOf(data.unit_amount);
        if (unit === undefined || !/^\d+$/.test(unit))
          throw invalid('Invalid integer.', 'line_items[price_data][unit_amount]');
        if (Number(unit) > 99_999_999)
          throw invalid('Amount must be no more than $999,999.99.', 'line_items', 'amount_too_large');
        return {
          amount: Number(unit) * Number(item.quantity ?? 1),
          name: textOf(branchOf(data.product_data).name) ?? '',
        };
      }
      const price = store.find(store.prices, 'price', textOf(item.price) ?? '', 'line_items[price]');
      const metered = price.recurring?.usage_type === 'metered';
      if (metered && item.quantity !== undefined)
        throw invalid('Quantity should not be specified where usage_type is `metered`.', 'line_items');
      if (!metered && item.quantity === undefined)
        throw invalid('Quantity is required.', 'line_items[quantity]', 'parameter_missing');
      return {
        price: price.id,
        ...(!metered && { quantity: Number(item.quantity) }),
        amount: metered ? 0 : (price.unit_amount ?? 0) * Number(item.quantity),
        name: price.product,
      };
    });
  return {
    items,
    ...(trial !== undefined && { trialDays: Number(trial) }),
    subscriptionMetadata: textsOf(subscriptionData.metadata),
    paymentMetadata: textsOf(branchOf(parameters.payment_intent_data).metadata),
    makesInvoice: branchOf(parameters.invoice_creation).enabled === 'true',
  };
}
