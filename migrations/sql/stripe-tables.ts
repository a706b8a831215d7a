/** Tables of the Stripe side of billing. Credits are micro-credits, overage rates USD x 10^4 a credit. */
export const STRIPE_TABLES = /* sql */ `
-- One customer for each workspace. A ticket is taken before Stripe is asked for the present state: what was fetched
-- under a lower ticket than the one applied last is older, and changes nothing.
CREATE TABLE stripe_customers (
  workspace_id uuid PRIMARY KEY REFERENCES workspaces (id),
  customer_id text NOT NULL UNIQUE,
  ticket bigint NOT NULL DEFAULT 0,
  applied_ticket bigint NOT NULL DEFAULT 0 CHECK (applied_ticket <= ticket),
  created_at timestamptz NOT NULL DEFAULT ledger_now()
);

-- Events whose effect is committed: each is written in the transaction of its effect.
CREATE TABLE stripe_events (
  id text PRIMARY KEY,
  type text NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT ledger_now()
);
CREATE INDEX stripe_events_by_age ON stripe_events (recorded_at);

-- What each price was for when we last saw it: a lookup key moves on to the next price, subscriptions keep the old one.
CREATE TABLE stripe_prices (
  price_id text PRIMARY KEY,
  plan_id text,
  overage_rate integer,
  CHECK ((plan_id IS NULL) <> (overage_rate IS NULL))
);

-- Subscriptions as last seen: when overage is billed by them, and since when at which rates (rate -> RFC 3339 time).
CREATE TABLE stripe_subscriptions (
  subscription_id text PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES stripe_customers (workspace_id),
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  overage_items jsonb NOT NULL
);
CREATE INDEX stripe_subscriptions_by_workspace ON stripe_subscriptions (workspace_id, started_at);

-- Payments of top-ups, ordered like customers.
CREATE TABLE stripe_top_ups (
  payment_intent_id text PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES stripe_customers (workspace_id),
  ticket bigint NOT NULL DEFAULT 0,
  applied_ticket bigint NOT NULL DEFAULT 0 CHECK (applied_ticket <= ticket),
  grant_id uuid REFERENCES grants (id)
);

-- Overage as it goes to Stripe: one event for each workspace, period, closed hour and rate; what settles later into an
-- hour that was reported is an event of its own (adjustment 1, 2 ...). A row without acknowledged_at may or may not be
-- known to Stripe once it was sent.
CREATE TABLE stripe_overage_events (
  -- What Stripe knows it by.
  identifier text PRIMARY KEY CHECK (length(identifier) <= 100),
  workspace_id uuid NOT NULL REFERENCES stripe_customers (workspace_id),
  period_number integer NOT NULL,
  hour timestamptz NOT NULL,
  overage_rate integer NOT NULL CHECK (overage_rate > 0),
  adjustment integer NOT NULL CHECK (adjustment >= 0),
  micro_credits bigint NOT NULL CHECK (micro_credits > 0),
  -- The time under which Stripe counts it. Its minute is its own within a workspace and rate, so that the meter's
  -- summary of that minute says whether it arrived.
  counted_at timestamptz NOT NULL CHECK (counted_at = date_trunc('second', counted_at, 'UTC')),
  minute timestamptz NOT NULL CHECK (minute = date_trunc('minute', counted_at, 'UTC')),
  created_at timestamptz NOT NULL DEFAULT ledger_now(),
  attempts integer NOT NULL DEFAULT 0,
  first_sent_at timestamptz,
  next_attempt_at timestamptz NOT NULL DEFAULT ledger_now(),
  acknowledged_at timestamptz,
  UNIQUE (workspace_id, period_number, hour, overage_rate, adjustment),
  UNIQUE (workspace_id, overage_rate, minute)
);
CREATE INDEX stripe_overage_waiting ON stripe_overage_events (next_attempt_at) WHERE acknowledged_at IS NULL;

-- Everything settled before this moment has its events.
CREATE TABLE stripe_overage_progress (
  sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
  collected_until timestamptz NOT NULL
);
INSERT INTO stripe_overage_progress (collected_until) VALUES ('-infinity');

CREATE INDEX journal_overage_by_time ON journal (recorded_at) WHERE bucket = 'overage';
`;
