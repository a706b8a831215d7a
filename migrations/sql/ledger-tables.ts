/**
 * Tables of identity, the ledger and usage. Credits are integer micro-credits (10^-6), USD amounts integer 10^-10.
 * Each invariant stated here is stated again in `ledger_commit` and proved on a live database by `polyphony ledger verify`.
 */
export const LEDGER_TABLES = /* sql */ `
-- Time of the ledger. Everything that compares or records time goes through it, so that leases follow one clock.
CREATE FUNCTION ledger_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT clock_timestamp()';

CREATE TABLE workspaces (
  id uuid PRIMARY KEY,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  operator boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT ledger_now()
);

-- The one hot row of a workspace. All that admission reads lies here: a statement that has waited for a row lock
-- sees that row anew, and every other table as of its start.
CREATE TABLE accounts (
  workspace_id uuid PRIMARY KEY REFERENCES workspaces (id),
  plan_id text NOT NULL,
  -- First period's start: periods are counted from it, so that the 31st stays the 31st.
  billing_anchor timestamptz NOT NULL,
  period_number integer NOT NULL DEFAULT 0,
  period_start timestamptz NOT NULL,
  period_end timestamptz NOT NULL CHECK (period_end > period_start),
  -- The earliest moment at which a grant runs out or the period ends: no admission after it before it was handled.
  next_change_at timestamptz NOT NULL,
  spendable bigint NOT NULL DEFAULT 0 CHECK (spendable >= 0),
  held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
  -- USD x 10^4 a credit; null: hard cap.
  overage_rate integer CHECK (overage_rate >= 0),
  -- null: unlimited (where there is a rate).
  overage_limit bigint CHECK (overage_limit >= 0),
  overage_used bigint NOT NULL DEFAULT 0 CHECK (overage_used >= 0),
  overage_held bigint NOT NULL DEFAULT 0 CHECK (overage_held >= 0),
  -- Characters; null: no limit.
  allowance_limit bigint CHECK (allowance_limit >= 0),
  allowance_used bigint NOT NULL DEFAULT 0 CHECK (allowance_used >= 0),
  allowance_held bigint NOT NULL DEFAULT 0 CHECK (allowance_held >= 0),
  blocked boolean NOT NULL DEFAULT false,
  event_sequence bigint NOT NULL DEFAULT 0,
  CHECK (held <= spendable),
  CHECK (overage_rate IS NOT NULL OR (overage_held = 0)),
  CHECK (allowance_limit IS NULL OR allowance_used + allowance_held <= allowance_limit)
) WITH (fillfactor = 50);

CREATE TABLE grants (
  id uuid PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES accounts (workspace_id),
  kind text NOT NULL CHECK (kind IN ('MONTHLY', 'TOP_UP', 'PROMOTION', 'ADJUSTMENT')),
  credits bigint NOT NULL CHECK (credits > 0),
  remaining bigint NOT NULL CHECK (remaining >= 0),
  spent bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
  expired bigint NOT NULL DEFAULT 0 CHECK (expired >= 0),
  revoked bigint NOT NULL DEFAULT 0 CHECK (revoked >= 0),
  reason text NOT NULL,
  idempotency_key text,
  period_number integer NOT NULL,
  -- What was left of it when the present period began; 0 for a grant of this period.
  period_opening bigint NOT NULL DEFAULT 0 CHECK (period_opening BETWEEN 0 AND credits),
  effective_at timestamptz NOT NULL,
  expires_at timestamptz,
  created_at timestamptz NOT NULL,
  CHECK (credits = spent + expired + revoked + remaining),
  UNIQUE (workspace_id, idempotency_key)
) WITH (fillfactor = 50);
CREATE INDEX grants_unspent ON grants (workspace_id, expires_at, created_at) WHERE remaining > 0;
CREATE INDEX grants_by_workspace ON grants (workspace_id, created_at);

-- Append-only. The balance is the sum of bucket 'credits'; 'overage' (micro-credits) and 'allowance' (characters)
-- stand beside it. Grants are positive, everything else negative.
CREATE TABLE journal (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id uuid NOT NULL,
  bucket text NOT NULL CHECK (bucket IN ('credits', 'overage', 'allowance')),
  kind text NOT NULL CHECK (kind IN ('grant', 'usage', 'expire', 'revoke')),
  amount bigint NOT NULL CHECK (CASE WHEN kind = 'grant' THEN amount > 0 ELSE amount < 0 END),
  grant_id uuid CHECK ((bucket = 'credits') = (grant_id IS NOT NULL)),
  operation_id uuid CHECK ((kind = 'usage') = (operation_id IS NOT NULL)),
  period_number integer NOT NULL,
  -- USD x 10^4 a credit at which overage was spent.
  overage_rate integer CHECK ((bucket = 'overage') = (overage_rate IS NOT NULL)),
  recorded_at timestamptz NOT NULL
);
CREATE INDEX journal_by_workspace ON journal (workspace_id, id);
CREATE INDEX journal_by_operation ON journal (operation_id) WHERE operation_id IS NOT NULL;
CREATE INDEX journal_lost ON journal (workspace_id, period_number) WHERE kind IN ('expire', 'revoke');

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A hold lives from the last step before the provider is called to the operation's end; its end is a usage event.
CREATE TABLE holds (
  operation_id uuid PRIMARY KEY,
  -- Of an account: holds are made under its lock, so asking again for each of them would only take time.
  workspace_id uuid NOT NULL,
  credits bigint NOT NULL CHECK (credits >= 0),
  overage bigint NOT NULL CHECK (overage >= 0),
  allowance bigint NOT NULL CHECK (allowance >= 0),
  client_token_id uuid,
  token_amount bigint NOT NULL DEFAULT 0 CHECK (token_amount >= 0),
  owner uuid NOT NULL,
  lease_until timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  -- The usage event as far as it is known before the call: what remains of the operation if the process dies.
  -- It must be enough to make that event: one hold that cannot become one would stand in the way of all others.
  details jsonb NOT NULL CHECK (
    details ->> 'capability' IS NOT NULL AND details ->> 'rate_card_version' IS NOT NULL
    AND details ->> 'credential' IN ('PLATFORM', 'STORED_KEY', 'REQUEST_KEY', 'NONE')
  )
);
-- No further index: only what runs at this moment is here, so that looking through it all is cheap, and each operation
-- would pay for an index twice.

CREATE TABLE usage_events (
  id uuid PRIMARY KEY,
  workspace_id uuid NOT NULL,
  -- Order of settlement within the workspace, without gaps.
  sequence bigint NOT NULL,
  capability text NOT NULL,
  status text NOT NULL CHECK (status IN ('SUCCEEDED', 'FAILED', 'ABORTED', 'UNKNOWN')),
  error_code text,
  provider_id text,
  model text,
  credential text NOT NULL CHECK (credential IN ('PLATFORM', 'STORED_KEY', 'REQUEST_KEY', 'NONE')),
  voice_id text,
  voice_name text,
  language text,
  style text,
  quality text,
  api_key_id uuid,
  client_token_id uuid,
  end_user_id text,
  metadata jsonb,
  characters bigint NOT NULL DEFAULT 0 CHECK (characters >= 0),
  input_tokens bigint NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
  output_tokens bigint NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
  billable_tokens bigint NOT NULL DEFAULT 0 CHECK (billable_tokens >= 0),
  audio_milliseconds bigint NOT NULL DEFAULT 0 CHECK (audio_milliseconds >= 0),
  requests integer NOT NULL DEFAULT 0 CHECK (requests >= 0),
  allowance_characters bigint NOT NULL CHECK (allowance_characters >= 0),
  estimated_credits bigint NOT NULL DEFAULT 0,
  estimated_audio_milliseconds bigint,
  held_credits bigint NOT NULL CHECK (held_credits >= 0),
  credits bigint NOT NULL CHECK (credits >= 0),
  overage_credits bigint NOT NULL CHECK (overage_credits BETWEEN 0 AND credits),
  overage_rate integer,
  cost_usd_e10 bigint NOT NULL CHECK (cost_usd_e10 >= 0),
  -- Spendable without overage after this event; for a client token, of its own budget.
  balance_after bigint NOT NULL CHECK (balance_after >= 0),
  -- Asked for more than the hold: the excess is the operator's anomaly, never a charge.
  anomaly_credits bigint NOT NULL DEFAULT 0 CHECK (anomaly_credits >= 0),
  attempts jsonb NOT NULL DEFAULT '[]',
  -- What was made, apart from its bytes: for speech the audio's format, size and length.
  artifact jsonb,
  -- The provider's own count, for reconciliation.
  provider_count jsonb,
  latency_ms double precision,
  rate_card_version text NOT NULL,
  period_number integer NOT NULL,
  created_at timestamptz NOT NULL,
  settled_at timestamptz NOT NULL,
  UNIQUE (workspace_id, sequence),
  CHECK (credits <= held_credits),
  CHECK (status IN ('SUCCEEDED', 'ABORTED') OR (credits = 0 AND allowance_characters = 0))
);
CREATE INDEX usage_events_by_time ON usage_events (workspace_id, created_at);

-- Sums of a period, kept in the settling commit.
CREATE TABLE usage_totals (
  workspace_id uuid NOT NULL,
  period_number integer NOT NULL,
  capability text NOT NULL,
  requests bigint NOT NULL DEFAULT 0,
  failures bigint NOT NULL DEFAULT 0,
  credits bigint NOT NULL DEFAULT 0,
  overage_credits bigint NOT NULL DEFAULT 0,
  cost_usd_e10 bigint NOT NULL DEFAULT 0,
  overage_usd_e10 bigint NOT NULL DEFAULT 0,
  characters bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, period_number, capability)
) WITH (fillfactor = 50);

CREATE TABLE idempotency_keys (
  workspace_id uuid NOT NULL,
  operation text NOT NULL,
  key text NOT NULL,
  input_hash text NOT NULL,
  operation_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, operation, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE api_keys (
  id uuid PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES workspaces (id),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  prefix text NOT NULL,
  -- SHA-256 of the secret; the secret has 256 bits of its own, so no slow hash is needed.
  secret_hash bytea NOT NULL UNIQUE,
  previous_hash bytea UNIQUE,
  previous_valid_until timestamptz,
  scopes text[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT ledger_now(),
  last_used_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz,
  CHECK ((previous_hash IS NULL) = (previous_valid_until IS NULL))
);
CREATE INDEX api_keys_by_workspace ON api_keys (workspace_id, created_at, id);

CREATE TABLE client_tokens (
  id uuid PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES workspaces (id),
  api_key_id uuid NOT NULL REFERENCES api_keys (id),
  secret_hash bytea NOT NULL UNIQUE,
  scopes text[] NOT NULL,
  capabilities text[] NOT NULL,
  budget bigint NOT NULL CHECK (budget >= 0),
  spent bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
  held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
  end_user_id text,
  requests_per_minute integer NOT NULL,
  allow_stored_keys boolean NOT NULL,
  origins text[],
  created_at timestamptz NOT NULL DEFAULT ledger_now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  CHECK (spent + held <= budget)
) WITH (fillfactor = 70);
CREATE INDEX client_tokens_by_key ON client_tokens (api_key_id);

-- How long speech really was, for estimates: a moving average of milliseconds a character at the speed asked for.
CREATE TABLE speech_paces (
  provider text NOT NULL,
  model text NOT NULL,
  voice text NOT NULL,
  speed numeric(4, 2) NOT NULL,
  milliseconds_per_character double precision NOT NULL,
  samples bigint NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (provider, model, voice, speed)
);

-- Speech whose audio its owner removed; the usage event stays.
CREATE TABLE deleted_speeches (
  id uuid PRIMARY KEY,
  workspace_id uuid NOT NULL,
  deleted_at timestamptz NOT NULL DEFAULT ledger_now()
);

-- Counts of the current minutes; a crash may forget them, and nothing is billed by them.
CREATE UNLOGGED TABLE rate_windows (
  key text NOT NULL,
  minute bigint NOT NULL,
  used integer NOT NULL,
  PRIMARY KEY (key, minute)
);
`;
