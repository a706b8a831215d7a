import { Client } from 'pg';

export interface UsageHistory {
  readonly events: number;
  readonly days: number;
  readonly workspaceIds: readonly string[];
}

const CHUNK = 500_000;

/**
 * Each of 50 end users of a workspace keeps to one voice, language and key and asks four providers for three things in
 * two models each: 1,200 combinations of dimensions, so that almost every event has a quarter's sum of its own.
 */
const EVENTS = /* sql */ `
INSERT INTO usage_events (id, workspace_id, sequence, capability, status, error_code, provider_id, model, credential,
  voice_id, voice_name, language, style, quality, api_key_id, end_user_id, metadata, characters, input_tokens,
  output_tokens, billable_tokens, audio_milliseconds, requests, allowance_characters, estimated_credits, held_credits,
  credits, overage_credits, cost_usd_e10, balance_after, attempts, latency_ms, rate_card_version, period_number,
  created_at, settled_at)
SELECT
  (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8'
    || lpad(to_hex(n), 15, '0'))::uuid,
  ($3::uuid[])[1 + n % cardinality($3::uuid[])], 1 + n / cardinality($3::uuid[]),
  CASE kind WHEN 0 THEN 'LANGUAGE_MODEL' WHEN 1 THEN 'SPEECH_TO_TEXT' ELSE 'TEXT_TO_SPEECH' END,
  CASE WHEN failed THEN 'FAILED' ELSE 'SUCCEEDED' END, CASE WHEN failed THEN 'PROVIDER_UNAVAILABLE' END,
  provider, provider || '/model-' || dice / 7 % 2, CASE WHEN person % 11 = 0 THEN 'REQUEST_KEY' ELSE 'PLATFORM' END,
  CASE WHEN kind > 1 THEN 'voice-' || person % 8 END, CASE WHEN kind > 1 THEN 'Voice ' || person % 8 END,
  (ARRAY['en', 'de', 'ja'])[1 + person % 3], CASE WHEN person % 5 = 0 THEN 'calm' END, NULL,
  ('00000000-0000-7000-8000-00000000000' || person % 3)::uuid, 'user-' || person, '{"page": "home"}',
  characters, characters / 4, 0, characters / 4, characters * 60, 1, 0, charge, charge, charge, 0, charge * 10, 0,
  jsonb_build_array(jsonb_build_object('provider', provider, 'outcome', 'SERVED', 'latencyMs', dice % 900)), dice % 900,
  'bench', 0, at, at + interval '400 milliseconds'
FROM (
  SELECT n, at, dice, dice / 29 % 50 AS person, dice % 4 AS kind, dice % 97 = 0 AS failed, 10 + dice % 500 AS characters,
    CASE WHEN dice % 97 = 0 OR dice / 29 % 50 % 11 = 0 THEN 0 ELSE 1000 + dice % 90000 END AS charge,
    (ARRAY['elevenlabs', 'openai', 'deepgram', 'cartesia'])[1 + dice / 5 % 4] AS provider
  FROM (
    SELECT n, (hashint8(n)::bigint & 2147483647) AS dice,
      ledger_now() - make_interval(secs => $4::double precision * (1 - n::double precision / $5)) AS at
    FROM generate_series($1::bigint, $2::bigint) n
  ) drawn
) event`;

const SUMS: readonly (readonly [step: string, sql: string])[] = [
  [
    'the sums of quarters',
    `INSERT INTO usage_quarters
     SELECT workspace_id, usage_quarter(settled_at) AS quarter, usage_series_id(capability, provider_id, model, voice_id,
       voice_name, language, style, api_key_id, end_user_id, credential) AS series_id, count(*),
       count(*) FILTER (WHERE status = 'FAILED'), sum(credits), sum(overage_credits), sum(cost_usd_e10),
       sum(characters), sum(audio_milliseconds), sum(input_tokens), sum(output_tokens)
     FROM usage_events WHERE status <> 'UNKNOWN' AND workspace_id = ANY ($1) GROUP BY 1, 2, 3 ORDER BY 2, 1`,
  ],
  [
    'the series',
    `INSERT INTO usage_series
     SELECT workspace_id, usage_series_id(capability, provider_id, model, voice_id, voice_name, language, style,
       api_key_id, end_user_id, credential), capability, provider_id, model, voice_id, voice_name, language, style,
       api_key_id, end_user_id, credential, first
     FROM (SELECT workspace_id, capability, provider_id, model, voice_id, voice_name, language, style, api_key_id,
       end_user_id, credential, min(settled_at) AS first FROM usage_events WHERE workspace_id = ANY ($1)
       GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) series
     ON CONFLICT DO NOTHING`,
  ],
  [
    'the totals of the period',
    `INSERT INTO usage_totals
     SELECT workspace_id, period_number, capability, count(*), count(*) FILTER (WHERE status = 'FAILED'), sum(credits),
       sum(overage_credits), sum(cost_usd_e10), 0, sum(characters) FILTER (WHERE status <> 'FAILED')
     FROM usage_events WHERE workspace_id = ANY ($1) GROUP BY 1, 2, 3`,
  ],
  [
    'the journal',
    `INSERT INTO journal (workspace_id, bucket, kind, amount, grant_id, operation_id, period_number, recorded_at)
     SELECT e.workspace_id, 'credits', 'usage', -e.credits, g.id, e.id, 0, e.settled_at
     FROM usage_events e JOIN grants g ON g.workspace_id = e.workspace_id AND g.kind = 'ADJUSTMENT'
     WHERE e.credits > 0 AND e.workspace_id = ANY ($1)`,
  ],
  [
    'what the grants have left',
    `UPDATE grants g SET remaining = remaining - t.credits, spent = spent + t.credits
     FROM (SELECT workspace_id, sum(credits) AS credits FROM usage_totals WHERE workspace_id = ANY ($1) GROUP BY 1) t
     WHERE g.workspace_id = t.workspace_id AND g.kind = 'ADJUSTMENT'`,
  ],
  [
    'the accounts',
    `UPDATE accounts a SET spendable = spendable - t.credits, event_sequence = t.events
     FROM (SELECT workspace_id, sum(credits) AS credits, sum(requests) AS events FROM usage_totals
       WHERE workspace_id = ANY ($1) GROUP BY 1) t
     WHERE a.workspace_id = t.workspace_id`,
  ],
];

/**
 * Usage of the past as the ledger would have left it: events, sums, journal and balances that `ledger verify` finds to
 * agree. Written in bulk and indexed afterwards; everything else of the database is as the server made it.
 */
export async function writeHistory(url: string, history: UsageHistory, say: (text: string) => void): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const run = async (step: string, sql: string, values: unknown[] = []): Promise<void> => {
      const began = performance.now();
      await client.query(sql, values);
      say(`${step}: ${((performance.now() - began) / 1_000).toFixed(1)} s`);
    };
    await run('settings', `SET work_mem = '1GB'; SET maintenance_work_mem = '1GB'; SET synchronous_commit = off`);
    await openPastMonths(client, history.days);
    const restore = await takeIndexes(client);
    const ids = [...history.workspaceIds];
    const seconds = history.days * 86_400;
    for (let first = 0; first < history.events; first += CHUNK) {
      const last = Math.min(first + CHUNK, history.events) - 1;
      await run(`events ${first} to ${last}`, EVENTS, [first, last, ids, seconds, history.events]);
    }
    for (const [step, sql] of SUMS) await run(step, sql, [ids]);
    for (const sql of restore) await run(sql.slice(0, 90), sql);
    // As autovacuum leaves it: index-only scans need to know which pages everybody may see.
    for (const table of ['usage_events', 'usage_quarters', 'usage_series', 'journal'])
      await run(`vacuum ${table}`, `VACUUM (ANALYZE) ${table}`);
    await run('checkpoint', 'CHECKPOINT').catch(() =>
      say('no right to checkpoint; what is written goes on being synced'),
    );
  } finally {
    await client.end();
  }
}

/** A database that is this new has no months of the past; what is to be measured has one partition each. */
async function openPastMonths(client: Client, days: number): Promise<void> {
  await client.query('BEGIN');
  await client.query(`ALTER TABLE usage_events DETACH PARTITION usage_events_first`);
  await client.query(`DELETE FROM usage_event_months WHERE name = 'usage_events_first'`);
  await client.query(`SELECT open_usage_event_months(ledger_now() - make_interval(days => $1), $2)`, [
    days,
    Math.ceil(days / 28) + 2,
  ]);
  await client.query('INSERT INTO usage_events SELECT * FROM usage_events_first');
  await client.query('DROP TABLE usage_events_first');
  await client.query('COMMIT');
}

/** Drops the indexes that rows are written beside of; answers the statements that make them again. */
async function takeIndexes(client: Client): Promise<string[]> {
  const indexes = await client.query<{ name: string; sql: string }>(
    `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS sql FROM pg_index i
     LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid
     WHERE i.indrelid IN ('usage_events'::regclass, 'journal'::regclass) AND c.oid IS NULL`,
  );
  const keys = await client.query<{ name: string; sql: string }>(
    `SELECT conname AS name, pg_get_constraintdef(oid) AS sql FROM pg_constraint
     WHERE conrelid = 'usage_quarters'::regclass AND contype = 'p'`,
  );
  for (const { name } of indexes.rows) await client.query(`DROP INDEX ${name}`);
  for (const { name } of keys.rows) await client.query(`ALTER TABLE usage_quarters DROP CONSTRAINT ${name}`);
  return [
    ...indexes.rows.map(({ sql }) => sql.replace(' ON ONLY ', ' ON ')),
    ...keys.rows.map(({ name, sql }) => `ALTER TABLE usage_quarters ADD CONSTRAINT ${name} ${sql}`),
  ];
}
