/**
 * Webhook endpoints, what waits to be sent to them, and the log of what was sent. Everything that says how far an
 * endpoint was told lies here, so that a process that dies loses nothing of it.
 */
export const WEBHOOK_TABLES = /* sql */ `
CREATE TABLE webhook_endpoints (
  id uuid PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES workspaces (id),
  url text NOT NULL CHECK (length(url) BETWEEN 1 AND 2048),
  -- null: every event, those of the future too.
  events text[] CHECK (cardinality(events) > 0),
  -- The secret that signs, AES-256-GCM; and the one before it, which signs beside it for a while.
  sealed_by bytea NOT NULL,
  sealed bytea NOT NULL,
  previous_sealed_by bytea,
  previous_sealed bytea,
  previous_until timestamptz,
  created_at timestamptz NOT NULL,
  -- The process that works for this endpoint, and until when nobody else does: a process that died leaves it at due_at.
  -- Without an owner due_at is when there is something to send again; infinity: nothing waits.
  owner uuid,
  due_at timestamptz NOT NULL DEFAULT 'infinity',
  -- Attempts that failed one after another when it was last let go; and until when it is left alone because of them, or
  -- because it asked for it.
  failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
  paused_until timestamptz NOT NULL DEFAULT '-infinity',
  CHECK ((previous_sealed IS NULL) = (previous_sealed_by IS NULL)),
  CHECK ((previous_sealed IS NULL) = (previous_until IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX webhook_endpoints_by_workspace ON webhook_endpoints (workspace_id, id);

-- How far each endpoint was told of each kind of event that it wants.
CREATE TABLE webhook_places (
  endpoint_id uuid NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
  event text NOT NULL,
  workspace_id uuid NOT NULL,
  -- Of things that happen one after another: messages were made up to this one.
  sequence bigint CHECK (sequence >= 0),
  -- Of a state: which version of its rows was looked at last, a digest of what was told, and when that was.
  version text,
  content bytea,
  told_at timestamptz,
  PRIMARY KEY (endpoint_id, event),
  CHECK ((sequence IS NULL) = (version IS NOT NULL))
) WITH (fillfactor = 70);

-- What waits to be delivered: a message is gone once it was delivered or given up; the log of its attempts stays.
CREATE TABLE webhook_messages (
  -- The same at each attempt: what a receiver knows a repetition by.
  id uuid PRIMARY KEY,
  endpoint_id uuid NOT NULL,
  event text NOT NULL,
  -- As it is signed and sent.
  body text NOT NULL,
  created_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  next_attempt_at timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX webhook_messages_by_endpoint ON webhook_messages (endpoint_id, next_attempt_at, id);
-- Of a state only the newest waits.
CREATE INDEX webhook_messages_of_states ON webhook_messages (endpoint_id)
  WHERE event IN ('BALANCE_CHANGED', 'SUBSCRIPTION_CHANGED');

-- One row for each attempt.
CREATE TABLE webhook_deliveries (
  id uuid PRIMARY KEY,
  endpoint_id uuid NOT NULL,
  message_id uuid NOT NULL,
  event text NOT NULL,
  attempt integer NOT NULL CHECK (attempt > 0),
  response_status integer,
  -- null: it was delivered.
  error text,
  created_at timestamptz NOT NULL,
  -- null: there is no further attempt.
  next_attempt_at timestamptz,
  CHECK (error IS NOT NULL OR next_attempt_at IS NULL)
);
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint_id, created_at, id);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at);

-- Endpoints that were deleted and whose messages and log are still to be removed.
CREATE TABLE webhook_removals (endpoint_id uuid PRIMARY KEY);
`;
