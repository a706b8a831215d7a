/**
 * Sums of usage by a quarter of an hour and by dimension, events in monthly partitions, and limits of end users. Credits
 * are micro-credits, USD amounts integer 10^-10.
 */
export const USAGE_SUMS = /* sql */ `
-- Every zone in use is offset by whole quarters of an hour, so the edges of its hours and days fall on these.
CREATE FUNCTION usage_quarter(moment timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT date_bin('15 minutes', moment, '2000-01-01 00:00:00+00') $$;

-- Names a combination of dimensions by what is in it, so that nothing has to be looked up to find its row.
CREATE FUNCTION usage_series_id(capability text, provider_id text, model text, voice_id text, voice_name text,
  language text, style text, api_key_id uuid, end_user_id text, credential text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT encode(substring(sha256(convert_to(jsonb_build_array(capability, provider_id, model, voice_id, voice_name,
    language, style, api_key_id, end_user_id, credential)::text, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid
$$;

-- One row for each combination of dimensions that a workspace ever used.
CREATE TABLE usage_series (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  capability text NOT NULL,
  provider_id text,
  model text,
  voice_id text,
  voice_name text,
  language text,
  style text,
  api_key_id uuid,
  end_user_id text,
  credential text NOT NULL,
  first_used_at timestamptz NOT NULL,
  -- Side by side in this index, as the rows of a workspace are not in the table.
  PRIMARY KEY (workspace_id, id) INCLUDE (capability, provider_id, model, voice_id, voice_name, language, style,
    api_key_id, end_user_id, credential, first_used_at)
);
CREATE INDEX usage_series_by_end_user ON usage_series (workspace_id, end_user_id) WHERE end_user_id IS NOT NULL;

-- Sums of what settled in a quarter of an hour, kept in the settling commit. Events that are UNKNOWN are left out.
CREATE TABLE usage_quarters (
  workspace_id uuid NOT NULL,
  quarter timestamptz NOT NULL,
  series_id uuid NOT NULL,
  -- Operations that ended, and those of them that failed.
  requests bigint NOT NULL,
  failures bigint NOT NULL,
  credits bigint NOT NULL,
  overage_credits bigint NOT NULL,
  cost_usd_e10 bigint NOT NULL,
  characters bigint NOT NULL,
  audio_milliseconds bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  -- The rows of a workspace lie among those of all others, but side by side in this index: queries read it alone.
  PRIMARY KEY (workspace_id, quarter, series_id) INCLUDE (requests, failures, credits, overage_credits, cost_usd_e10,
    characters, audio_milliseconds, input_tokens, output_tokens)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_vacuum_scale_factor = 0.05);

INSERT INTO usage_series (workspace_id, id, capability, provider_id, model, voice_id, voice_name, language, style,
  api_key_id, end_user_id, credential, first_used_at)
SELECT workspace_id, usage_series_id(capability, provider_id, model, voice_id, voice_name, language, style, api_key_id,
  end_user_id, credential), capability, provider_id, model, voice_id, voice_name, language, style, api_key_id,
  end_user_id, credential, min(settled_at)
FROM usage_events WHERE status <> 'UNKNOWN'
GROUP BY workspace_id, capability, provider_id, model, voice_id, voice_name, language, style, api_key_id, end_user_id,
  credential;

INSERT INTO usage_quarters
SELECT workspace_id, usage_quarter(settled_at), usage_series_id(capability, provider_id, model, voice_id, voice_name,
  language, style, api_key_id, end_user_id, credential), count(*), count(*) FILTER (WHERE status = 'FAILED'),
  sum(credits), sum(overage_credits), sum(cost_usd_e10), sum(characters), sum(audio_milliseconds), sum(input_tokens),
  sum(output_tokens)
FROM usage_events WHERE status <> 'UNKNOWN'
GROUP BY 1, 2, 3;
`;

/**
 * Events in partitions by month. Their ids are UUIDv7, so a range of ids is a range of time and an id alone finds its
 * partition; ids of other times go to the default partition.
 */
export const USAGE_EVENT_MONTHS = /* sql */ `
-- The least id of a moment: 48 bits of milliseconds since 1970 come first.
CREATE FUNCTION first_id_of(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

ALTER TABLE usage_events RENAME TO usage_events_first;
-- When the provider's own count was found for an event whose outcome is UNKNOWN; it charges nothing.
ALTER TABLE usage_events_first ADD COLUMN reconciled_at timestamptz;
ALTER TABLE usage_events_first RENAME CONSTRAINT usage_events_pkey TO usage_events_first_pkey;
-- Sequences are given under the account's lock, so no index has to keep them apart.
ALTER TABLE usage_events_first DROP CONSTRAINT usage_events_workspace_id_sequence_key;
DROP INDEX usage_events_by_time;
CREATE TABLE usage_events (LIKE usage_events_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (id);
ALTER TABLE usage_events ADD PRIMARY KEY (id);
CREATE INDEX usage_events_by_sequence ON usage_events (workspace_id, sequence);
CREATE INDEX usage_events_by_time ON usage_events (workspace_id, settled_at);
-- In the order in which allowances were taken, for prices of the past.
CREATE INDEX usage_events_by_start ON usage_events (workspace_id, created_at);
CREATE INDEX usage_events_by_end_user ON usage_events (workspace_id, end_user_id, sequence)
  WHERE end_user_id IS NOT NULL;
CREATE INDEX usage_events_unresolved ON usage_events (settled_at) WHERE status = 'UNKNOWN' AND reconciled_at IS NULL;

-- Partitions that there are or were, and the ids that belong to each.
CREATE TABLE usage_event_months (
  name text PRIMARY KEY,
  first_id uuid NOT NULL,
  end_id uuid NOT NULL CHECK (end_id > first_id),
  dropped_at timestamptz
);
-- What events that were dropped added to the sums, for the proof that the rest is whole.
CREATE TABLE dropped_usage (
  name text NOT NULL REFERENCES usage_event_months (name),
  workspace_id uuid NOT NULL,
  period_number integer NOT NULL,
  capability text NOT NULL,
  events bigint NOT NULL,
  last_sequence bigint NOT NULL,
  -- Without those that are UNKNOWN, as in usage_totals.
  requests bigint NOT NULL,
  credits bigint NOT NULL,
  PRIMARY KEY (name, workspace_id, period_number, capability)
);

CREATE TABLE usage_events_other PARTITION OF usage_events DEFAULT;

DO $$
DECLARE
  -- All that is there stays in one partition, up to the end of this month or of the month of the latest id.
  until timestamptz := (date_trunc('month', GREATEST(ledger_now(), (
    SELECT to_timestamp(('x' || lpad(substr(replace(id::text, '-', ''), 1, 12), 16, '0'))::bit(64)::bigint / 1000.0)
    FROM usage_events_first ORDER BY id DESC LIMIT 1)) AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
  EXECUTE format('ALTER TABLE usage_events ATTACH PARTITION usage_events_first FOR VALUES FROM (MINVALUE) TO (%L)',
    first_id_of(until));
  INSERT INTO usage_event_months VALUES
    ('usage_events_first', '00000000-0000-0000-0000-000000000000', first_id_of(until));
END $$;

-- Makes the partitions of so many months from a moment's month on, where they are missing; answers how many it made.
CREATE FUNCTION open_usage_event_months(p_from timestamptz, p_months integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  month timestamp;
  partition text;
  low uuid;
  high uuid;
  made integer := 0;
BEGIN
  FOR at IN 0 .. p_months - 1 LOOP
    month := date_trunc('month', p_from AT TIME ZONE 'UTC') + make_interval(months => at);
    partition := 'usage_events_' || to_char(month, 'YYYY_MM');
    low := first_id_of(month AT TIME ZONE 'UTC');
    high := first_id_of((month + interval '1 month') AT TIME ZONE 'UTC');
    CONTINUE WHEN EXISTS (SELECT 1 FROM usage_event_months m WHERE m.first_id < high AND m.end_id > low);
    -- Servers may come to it at once.
    PERFORM pg_advisory_xact_lock(hashtext('usage_event_months'));
    CONTINUE WHEN EXISTS (SELECT 1 FROM usage_event_months m WHERE m.first_id < high AND m.end_id > low);
    EXECUTE format('CREATE TABLE %I (LIKE usage_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition);
    -- Nobody may add to the default partition what belongs here while it moves.
    LOCK TABLE usage_events_other IN SHARE ROW EXCLUSIVE MODE;
    EXECUTE format('WITH moved AS (DELETE FROM usage_events_other WHERE id >= %L AND id < %L RETURNING *)
      INSERT INTO %I SELECT * FROM moved', low, high, partition);
    EXECUTE format('ALTER TABLE usage_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, low, high);
    INSERT INTO usage_event_months VALUES (partition, low, high);
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;
SELECT open_usage_event_months(ledger_now(), 3);
`;

export const END_USER_LIMITS = /* sql */ `
-- Limits of one end user of a workspace, with what counts against them. All of it is changed under the account's lock.
CREATE TABLE end_user_limits (
  workspace_id uuid NOT NULL REFERENCES accounts (workspace_id),
  end_user_id text NOT NULL,
  credits_per_day bigint CHECK (credits_per_day >= 0),
  credits_per_period bigint CHECK (credits_per_period >= 0),
  requests_per_minute integer CHECK (requests_per_minute > 0),
  -- The UTC day and the period that the sums belong to; in a later one they count no more.
  day date NOT NULL,
  day_spent bigint NOT NULL DEFAULT 0 CHECK (day_spent >= 0),
  day_held bigint NOT NULL DEFAULT 0 CHECK (day_held >= 0),
  period_number integer NOT NULL,
  period_spent bigint NOT NULL DEFAULT 0 CHECK (period_spent >= 0),
  period_held bigint NOT NULL DEFAULT 0 CHECK (period_held >= 0),
  -- Minutes since 1970, and the operations that were admitted in it.
  minute bigint NOT NULL DEFAULT 0,
  minute_requests integer NOT NULL DEFAULT 0 CHECK (minute_requests >= 0),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, end_user_id),
  CHECK (credits_per_day IS NOT NULL OR credits_per_period IS NOT NULL OR requests_per_minute IS NOT NULL)
) WITH (fillfactor = 70);

ALTER TABLE holds
  -- The end user whose limits the hold counts against, how much, and in which period; null: none has limits.
  ADD COLUMN end_user_id text,
  ADD COLUMN end_user_amount bigint CHECK (end_user_amount >= 0),
  ADD COLUMN end_user_period integer,
  ADD CHECK ((end_user_id IS NULL) = (end_user_amount IS NULL)),
  ADD CHECK ((end_user_id IS NULL) = (end_user_period IS NULL));

ALTER TABLE accounts
  -- The highest threshold of the workspace's LOW_BALANCE rules; null: it has none.
  ADD COLUMN low_balance_threshold bigint CHECK (low_balance_threshold >= 0);
`;
