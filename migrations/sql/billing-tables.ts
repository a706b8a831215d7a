/**
 * Periods, prices and subscriptions. Credits are micro-credits, USD amounts integer 10^-10; times are UTC. The hot row
 * of an account gets what rolling it needs, so that nothing else has to be read under its lock.
 */
export const BILLING_TABLES = /* sql */ `
ALTER TABLE accounts
  -- Number of the period that begins at billing_anchor: a subscription that begins brings a calendar of its own.
  ADD COLUMN anchor_period integer NOT NULL DEFAULT 0,
  -- The plan from the next period on; null: the same.
  ADD COLUMN pending_plan_id text,
  -- What was agreed with this workspace, where its plan is by agreement.
  ADD COLUMN agreed_terms jsonb,
  -- The workspace's own limit of overage: whether it has chosen one, and which; null: unlimited. overage_limit is the
  -- one in force.
  ADD COLUMN own_overage_limit_set boolean NOT NULL DEFAULT false,
  ADD COLUMN own_overage_limit bigint CHECK (own_overage_limit >= 0),
  -- Nobody would pay for overage at present: a trial, or a payment that failed.
  ADD COLUMN overage_stopped boolean NOT NULL DEFAULT false,
  -- No period is granted before its payment is known: the end of a trial, or a subscription that is unpaid.
  ADD COLUMN grants_stopped boolean NOT NULL DEFAULT false,
  ADD CHECK (own_overage_limit_set OR own_overage_limit IS NULL);

-- One row for each period that ever began. The balance is the sum of the journal, so a period's opening is what the
-- earlier ones left and its closing what it leaves.
CREATE TABLE billing_periods (
  workspace_id uuid NOT NULL REFERENCES accounts (workspace_id),
  number integer NOT NULL CHECK (number >= 0),
  period_start timestamptz NOT NULL,
  -- Where a subscription began in between, when the period was cut short.
  period_end timestamptz NOT NULL CHECK (period_end >= period_start),
  -- The plan that it ended on, or is on.
  plan_id text NOT NULL,
  opening bigint NOT NULL CHECK (opening >= 0),
  -- null: it has not ended.
  closing bigint CHECK (closing >= 0),
  -- Monthly credits and price of the dearest plan that this period was granted and priced for; null: not yet. What
  -- was granted and paid is not granted and charged again when a plan is left and taken once more.
  granted_credits bigint CHECK (granted_credits >= 0),
  priced_usd_e10 bigint CHECK (priced_usd_e10 >= 0),
  PRIMARY KEY (workspace_id, number)
);

-- What plans cost: the price of a period and of the upgrades in it. Overage is in the journal.
CREATE TABLE plan_charges (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id uuid NOT NULL,
  period_number integer NOT NULL,
  kind text NOT NULL CHECK (kind IN ('PLAN', 'UPGRADE')),
  plan_id text NOT NULL,
  plan_name text NOT NULL,
  -- Of the whole period, and the seconds of it that are charged.
  price_usd_e10 bigint NOT NULL CHECK (price_usd_e10 > 0),
  seconds bigint NOT NULL CHECK (seconds > 0),
  of_seconds bigint NOT NULL CHECK (of_seconds >= seconds),
  recorded_at timestamptz NOT NULL
);
CREATE INDEX plan_charges_by_period ON plan_charges (workspace_id, period_number, id);
CREATE TRIGGER plan_charges_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON plan_charges
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The last word of a payment provider on each workspace; its ids are opaque.
CREATE TABLE subscriptions (
  workspace_id uuid PRIMARY KEY REFERENCES accounts (workspace_id),
  payment_provider text NOT NULL,
  customer_id text NOT NULL,
  subscription_id text NOT NULL,
  plan_id text NOT NULL,
  status text NOT NULL CHECK (status IN ('ACTIVE', 'TRIALING', 'PAST_DUE', 'CANCELED', 'UNPAID', 'INCOMPLETE')),
  period_start timestamptz NOT NULL,
  period_end timestamptz NOT NULL,
  trial_end timestamptz,
  cancel_at_period_end boolean NOT NULL,
  pending_plan_id text,
  -- The account's period that matches.
  account_period integer NOT NULL,
  fetched_at timestamptz NOT NULL,
  UNIQUE (payment_provider, subscription_id)
);

CREATE INDEX journal_overage ON journal (workspace_id, period_number) WHERE bucket = 'overage';

-- Accounts that are older than this table: their periods follow from the anchor, their sums from the journal.
INSERT INTO billing_periods (workspace_id, number, period_start, period_end, plan_id, opening, closing, granted_credits,
  priced_usd_e10)
SELECT a.workspace_id, n, (anchor.local + make_interval(months => n)) AT TIME ZONE 'UTC',
  (anchor.local + make_interval(months => n + 1)) AT TIME ZONE 'UTC', a.plan_id,
  COALESCE((SELECT sum(amount) FROM journal j WHERE j.workspace_id = a.workspace_id AND bucket = 'credits'
    AND j.period_number < n), 0),
  CASE WHEN n < a.period_number THEN COALESCE((SELECT sum(amount) FROM journal j
    WHERE j.workspace_id = a.workspace_id AND bucket = 'credits' AND j.period_number <= n), 0) END,
  COALESCE((SELECT sum(credits) FROM grants g WHERE g.workspace_id = a.workspace_id AND g.period_number = n
    AND g.kind = 'MONTHLY'), 0), 0
FROM accounts a
CROSS JOIN LATERAL (SELECT a.billing_anchor AT TIME ZONE 'UTC' AS local) anchor
CROSS JOIN LATERAL generate_series(0, a.period_number) n;
`;
