/** What providers say they counted, and what was found out about operations whose outcome was lost. */
export const RECONCILIATION_TABLES = /* sql */ `
-- A provider's own count of a UTC day (of a month, under its first, where it tells no days), as it was last read.
CREATE TABLE provider_usage_days (
  provider text NOT NULL,
  date date NOT NULL,
  unit text NOT NULL CHECK (unit IN ('CHARACTER', 'AUDIO_SECOND', 'INPUT_TOKEN', 'OUTPUT_TOKEN')),
  -- In millionths of the unit.
  quantity numeric(30, 0) NOT NULL CHECK (quantity >= 0),
  fetched_at timestamptz NOT NULL,
  PRIMARY KEY (provider, date, unit)
);

-- UNKNOWN usage events that were found in a provider's record. Kept apart from the events, so that their counts are summed
-- without looking through events, and so that no request is ever taken for two operations.
CREATE TABLE reconciled_events (
  event_id uuid PRIMARY KEY,
  workspace_id uuid NOT NULL,
  provider text NOT NULL,
  -- The UTC day that the provider counted it on.
  date date NOT NULL,
  -- The provider's own id of the request, where it lists requests and this is one of them.
  request_id text,
  -- Millionths by unit, as texts; 0: the provider counted nothing.
  counts jsonb NOT NULL CHECK (jsonb_typeof(counts) = 'object'),
  reconciled_at timestamptz NOT NULL,
  UNIQUE (provider, request_id)
);
CREATE INDEX reconciled_events_by_date ON reconciled_events (provider, date);
`;
