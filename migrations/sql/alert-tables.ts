/** Alert rules and alerts. Thresholds are integers of 10^-6: micro-credits, millionths of a factor or of a share. */
export const ALERT_TABLES = /* sql */ `
-- One row for each workspace that ever had a rule. Whoever changes its rules, or raises or closes an alert, locks it
-- first: so a crossing is raised once however many servers see it, and alerts are committed in the order of their
-- sequence.
CREATE TABLE alert_watches (
  workspace_id uuid PRIMARY KEY REFERENCES accounts (workspace_id),
  -- Grows with each change of a rule.
  revision bigint NOT NULL DEFAULT 0,
  -- Of the newest alert.
  last_sequence bigint NOT NULL DEFAULT 0 CHECK (last_sequence >= 0),
  -- When all rules were last looked at, their revision then, and the account as it was: while these are still the same
  -- there is nothing to look at. null: never.
  evaluated_at timestamptz,
  evaluated_revision bigint,
  seen_sequence bigint,
  seen_spendable bigint,
  seen_held bigint,
  seen_period integer
) WITH (fillfactor = 50);

CREATE TABLE alert_rules (
  workspace_id uuid NOT NULL REFERENCES alert_watches (workspace_id),
  id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('LOW_BALANCE', 'SPEND_SPIKE', 'NEW_VOICE', 'PROVIDER_ERRORS')),
  threshold bigint CHECK (threshold >= 0),
  -- null: every voice that was used before watching_since.
  expected_voice_ids text[],
  enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL,
  -- When the rule was made or last switched on.
  watching_since timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id),
  CHECK ((threshold IS NULL) = (kind = 'NEW_VOICE')),
  CHECK (expected_voice_ids IS NULL OR kind = 'NEW_VOICE')
);
CREATE INDEX alert_rules_enabled ON alert_rules (workspace_id) WHERE enabled;

-- Crossings that were raised and have not ended: a measure, a voice or a provider, '' where the rule has one alone.
CREATE TABLE alert_states (
  workspace_id uuid NOT NULL,
  rule_id uuid NOT NULL,
  subject text NOT NULL,
  -- The period and the UTC day in which it was raised.
  period_number integer NOT NULL,
  day date NOT NULL,
  -- Credits that the workspace had been granted by then in all.
  granted bigint NOT NULL CHECK (granted >= 0),
  PRIMARY KEY (workspace_id, rule_id, subject),
  FOREIGN KEY (workspace_id, rule_id) REFERENCES alert_rules (workspace_id, id) ON DELETE CASCADE
);

-- What was raised; it stays when its rule goes.
CREATE TABLE alerts (
  workspace_id uuid NOT NULL,
  -- 1, 2, 3 ... of the workspace, in the order of commit.
  sequence bigint NOT NULL CHECK (sequence > 0),
  id uuid NOT NULL UNIQUE,
  rule_id uuid NOT NULL,
  kind text NOT NULL,
  subject text NOT NULL,
  message text NOT NULL,
  details jsonb NOT NULL,
  raised_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, sequence)
);
CREATE TRIGGER alerts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alerts
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- When a voice was first used.
CREATE INDEX usage_series_by_voice ON usage_series (workspace_id, voice_id, first_used_at) WHERE voice_id IS NOT NULL;
`;
