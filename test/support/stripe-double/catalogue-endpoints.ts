import type { Endpoint } from './endpoint';
import { branchOf, listOf, textOf, textsOf } from './form';
import { listFrom, type Meter, type Price } from './objects';
import { invalid } from './refusal';
import type { Store } from './store';

const SECONDS_OF_35_DAYS = 35 * 86_400;
const SECONDS_AHEAD = 300;
/** How long an identifier of a meter event is known, in seconds. */
export const IDENTIFIER_KNOWN_SECONDS = 86_400;

/** Customers, prices, meters and what they count. */
export const catalogueEndpoints = (store: Store): readonly Endpoint[] => [
  {
    method: 'POST',
    path: '/v1/customers',
    optional: ['name', 'email', 'metadata'],
    run: (parameters) => {
      const customer = {
        id: store.id('cus'),
        object: 'customer' as const,
        created: store.now,
        livemode: false as const,
        metadata: textsOf(parameters.metadata),
        name: textOf(parameters.name) ?? null,
      };
      store.customers.set(customer.id, customer);
      store.emit('customer.created', customer);
      return customer;
    },
  },
  {
    method: 'GET',
    path: '/v1/prices',
    optional: ['lookup_keys', 'active', 'limit', 'starting_after'],
    run: (parameters) => {
      const keys = listOf(parameters.lookup_keys);
      const found = [...store.prices.values()].filter(
        (price) =>
          (keys.length === 0 || keys.includes(price.lookup_key ?? '')) &&
          (parameters.active === undefined || price.active === (parameters.active === 'true')),
      );
      return listFrom(found.slice(0, Number(parameters.limit ?? 10)), '/v1/prices');
    },
  },
  {
    method: 'POST',
    path: '/v1/prices',
    required: ['currency', 'product_data'],
    optional: ['lookup_key', 'unit_amount', 'unit_amount_decimal', 'recurring', 'metadata'],
    run: (parameters) => {
      const recurring = branchOf(parameters.recurring);
      const metered = recurring.usage_type === 'metered';
      const decimal = textOf(parameters.unit_amount_decimal) ?? textOf(parameters.unit_amount);
      if (decimal === undefined || !/^\d+(\.\d{1,12})?$/.test(decimal)) {
        throw invalid('Invalid decimal: at most 12 decimal places.', 'unit_amount_decimal');
      }
      if (metered && !store.meters.has(textOf(recurring.meter) ?? ''))
        throw invalid('No such meter.', 'recurring[meter]', 'resource_missing');
      return addPrice(store, {
        lookupKey: textOf(parameters.lookup_key) ?? null,
        unitAmountDecimal: decimal,
        product: textOf(branchOf(parameters.product_data).name) ?? '',
        meter: metered ? textOf(recurring.meter)! : null,
        metadata: textsOf(parameters.metadata),
      });
    },
  },
  {
    method: 'GET',
    path: '/v1/billing/meters',
    optional: ['status', 'limit', 'starting_after'],
    run: () => listFrom([...store.meters.values()], '/v1/billing/meters'),
  },
  {
    method: 'POST',
    path: '/v1/billing/meters',
    required: ['display_name', 'event_name', 'default_aggregation'],
    optional: ['customer_mapping', 'value_settings'],
    run: (parameters) => {
      const name = textOf(parameters.event_name)!;
      if ([...store.meters.values()].some((meter) => meter.event_name === name)) {
        throw invalid(`An active meter already exists for event name ${name}.`, 'event_name');
      }
      const meter: Meter = {
        id: store.id('mtr'),
        object: 'billing.meter',
        created: store.now,
        customer_mapping: { event_payload_key: 'stripe_customer_id', type: 'by_id' },
        default_aggregation: { formula: textOf(branchOf(parameters.default_aggregation).formula) ?? 'sum' },
        display_name: textOf(parameters.display_name)!,
        event_name: name,
        event_time_window: null,
        livemode: false,
        status: 'active',
        status_transitions: { deactivated_at: null },
        updated: store.now,
        value_settings: { event_payload_key: 'value' },
      };
      store.meters.set(meter.id, meter);
      return meter;
    },
  },
  {
    method: 'GET',
    path: '/v1/billing/meters/:id',
    run: (_parameters, id) => store.find(store.meters, 'billing.meter', id),
  },
  {
    method: 'GET',
    path: '/v1/billing/meters/:id/event_summaries',
    required: ['customer', 'start_time', 'end_time'],
    optional: ['limit', 'starting_after'],
    run: (parameters, id) => {
      const meter = store.find(store.meters, 'billing.meter', id);
      const [start, end] = [Number(parameters.start_time), Number(parameters.end_time)];
      if (start % 60 !== 0 || end % 60 !== 0)
        throw invalid('Timestamps must be aligned with minute boundaries.', 'start_time');
      const counted = store.meterEvents.filter(
        (event) =>
          event.meter === id &&
          event.customer === parameters.customer &&
          event.timestamp >= start &&
          event.timestamp < end,
      );
      if (counted.length === 0) return listFrom([], `/v1/billing/meters/${id}/event_summaries`);
      const summary = {
        id: store.id('mtrusg'),
        object: 'billing.meter_event_summary',
        aggregated_value: Number(counted.reduce((sum, { value }) => sum + value, 0n)),
        end_time: end,
        livemode: false,
        meter: meter.id,
        start_time: start,
      };
      return listFrom([summary], `/v1/billing/meters/${id}/event_summaries`);
    },
  },
  {
    method: 'POST',
    path: '/v1/billing/meter_events',
    required: ['event_name', 'payload'],
    optional: ['identifier', 'timestamp'],
    run: (parameters) => {
      const name = textOf(parameters.event_name)!;
      const meter = [...store.meters.values()].find((one) => one.event_name === name);
      if (!meter) throw invalid(`No active meter found for event name ${name}.`, 'event_name');
      const payload = textsOf(parameters.payload);
      const customer = payload[meter.customer_mapping.event_payload_key] ?? '';
      if (!store.customers.has(customer))
        throw invalid(`No such customer: '${customer}'`, 'payload', 'resource_missing');
      const value = payload[meter.value_settings.event_payload_key] ?? '';
      if (!/^\d{1,15}$/.test(value))
        throw invalid(`The value of a meter event must be a whole number, not '${value}'.`, 'payload');
      const identifier = textOf(parameters.identifier) ?? store.id('evt');
      if (identifier.length > 100) throw invalid('Invalid string: at most 100 characters.', 'identifier');
      const timestamp = parameters.timestamp === undefined ? store.now : Number(parameters.timestamp);
      if (!Number.isInteger(timestamp) || timestamp < store.now - SECONDS_OF_35_DAYS) {
        throw invalid('The timestamp must be within the past 35 calendar days.', 'timestamp');
      }
      if (timestamp > store.now + SECONDS_AHEAD) {
        throw invalid('The timestamp must not be more than 5 minutes in the future.', 'timestamp');
      }
      if (
        store.meterEvents.some(
          (event) => event.identifier === identifier && event.receivedAt > store.now - IDENTIFIER_KNOWN_SECONDS,
        )
      ) {
        throw invalid(`An event already exists with identifier ${identifier}.`);
      }
      store.meterEvents.push({
        identifier,
        meter: meter.id,
        customer,
        value: BigInt(value),
        timestamp,
        receivedAt: store.now,
      });
      return {
        object: 'billing.meter_event',
        created: store.now,
        event_name: name,
        identifier,
        livemode: false,
        payload,
        timestamp,
      };
    },
  },
];

export function addPrice(
  store: Store,
  options: {
    readonly lookupKey: string | null;
    readonly unitAmountDecimal: string;
    readonly product: string;
    readonly meter?: string | null;
    readonly metadata?: Record<string, string>;
    readonly interval?: string;
  },
): Price {
  const { lookupKey, unitAmountDecimal, meter = null } = options;
  if (lookupKey !== null && [...store.prices.values()].some((price) => price.lookup_key === lookupKey)) {
    throw invalid(`A price already uses the lookup key '${lookupKey}'.`, 'lookup_key');
  }
  const price: Price = {
    id: store.id('price'),
    object: 'price',
    active: true,
    billing_scheme: 'per_unit',
    created: store.now,
    currency: 'usd',
    livemode: false,
    lookup_key: lookupKey,
    metadata: options.metadata ?? {},
    product: options.product,
    recurring: {
      interval: options.interval ?? 'month',
      interval_count: 1,
      meter,
      trial_period_days: null,
      usage_type: meter === null ? 'licensed' : 'metered',
    },
    type: 'recurring',
    unit_amount: unitAmountDecimal.includes('.') ? null : Number(unitAmountDecimal),
    unit_amount_decimal: unitAmountDecimal,
  };
  store.prices.set(price.id, price);
  return price;
}
