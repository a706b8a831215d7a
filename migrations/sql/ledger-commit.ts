/**
 * `ledger_commit` settles and reserves a group of operations in one statement: one round trip, one commit, one flush
 * of the log for all that waited at the same time.
 *
 * The accounts are locked first, by a statement of their own and in the order of their ids; what follows sees them as
 * they are now, which one statement that locks and sums would not (READ COMMITTED re-reads the locked row alone).
 * Settles come before reserves, so that what they free can be held at once. Each item gets its own outcome; an item
 * that breaks a constraint fails the whole group, and the caller then sends the items one by one.
 *
 * The plans are made once and kept, and rows are reached by their index alone: `holds` is small when a plan is made, so
 * that PostgreSQL would choose to scan it, but every settled operation leaves a dead row there until the next vacuum.
 *
 * There is one text of it, the newest: each migration that changes it runs it again, and what it names need not be there
 * before it is first called.
 */
export const LEDGER_COMMIT = /* sql */ `
DROP FUNCTION IF EXISTS ledger_commit(jsonb, jsonb, uuid, integer, boolean, boolean);
CREATE FUNCTION ledger_commit(
  p_settles jsonb,
  p_reserves jsonb,
  p_owner uuid,
  p_lease_seconds integer,
  -- The group was sent before and its answer was lost: look for what it may have done.
  p_again boolean,
  -- Settle only holds whose lease ran out (the sweeper).
  p_only_expired boolean
) RETURNS TABLE (
  o_operation uuid, o_outcome text, o_sequence bigint, o_credits bigint, o_overage bigint, o_allowance bigint,
  o_balance bigint, o_cost bigint, o_required bigint, o_available bigint, o_other uuid, o_settled_at timestamptz,
  o_limit text, o_reset_at timestamptz
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  moment timestamptz;
  workspaces uuid[];
  -- Of the settles.
  operations uuid[];
  account accounts%ROWTYPE;
  item record;
  token client_tokens%ROWTYPE;
  -- The limits of an end user, with what counts against them today, in this period and in this minute.
  person record;
  person_limited boolean;
  earlier record;
  event record;
  open_hold holds%ROWTYPE;
  charge bigint; from_grants bigint; over bigint; rest bigint; take bigint; characters bigint; cost bigint; wanted bigint;
  need bigint; free bigint; budget_free bigint; list_amount bigint;
  grant_ids uuid[]; grant_left bigint[]; grant_at integer; grants_loaded boolean := false;
  -- What follows begins as NULL, to which the first element is appended like to any other: to make three dozen empty
  -- arrays is a good part of what a small group takes. Settled in this group.
  s_id uuid[]; s_sequence bigint[]; s_credits bigint[]; s_overage bigint[];
  s_allowance bigint[]; s_balance bigint[]; s_cost bigint[]; s_held bigint[];
  s_rate integer[]; s_period integer[]; s_created timestamptz[]; s_anomaly bigint[];
  s_status text[]; s_milliseconds bigint[];
  -- Journal of this group.
  j_workspace uuid[]; j_bucket text[]; j_amount bigint[]; j_grant uuid[];
  j_operation uuid[]; j_period integer[]; j_rate integer[];
  -- Held in this group.
  h_id uuid[]; h_credits bigint[]; h_overage bigint[]; h_allowance bigint[];
  h_token_amount bigint[]; h_person text[]; h_person_amount bigint[]; h_person_period integer[];
BEGIN
  -- One operation alone is what a quiet server sends; it is spared every statement that only a group needs.
  IF jsonb_array_length(p_settles) + jsonb_array_length(p_reserves) = 1 THEN
    workspaces := ARRAY[(COALESCE(p_settles -> 0, p_reserves -> 0) ->> 'workspace_id')::uuid];
    operations := CASE WHEN p_settles -> 0 IS NULL THEN '{}'::uuid[]
      ELSE ARRAY[(p_settles -> 0 ->> 'operation_id')::uuid] END;
  ELSE
    workspaces := ARRAY(SELECT DISTINCT (x ->> 'workspace_id')::uuid FROM jsonb_array_elements(p_settles || p_reserves) x);
    operations := ARRAY(SELECT (x ->> 'operation_id')::uuid FROM jsonb_array_elements(p_settles) x);
  END IF;
  IF cardinality(workspaces) = 1 THEN
    SELECT * INTO account FROM accounts WHERE workspace_id = workspaces[1] FOR UPDATE;
  ELSE
    PERFORM 1 FROM accounts WHERE workspace_id = ANY (workspaces) ORDER BY workspace_id FOR UPDATE;
  END IF;
  moment := ledger_now();

  FOR item IN
    WITH gone AS (
      DELETE FROM holds WHERE operation_id = ANY (operations) AND workspace_id = ANY (workspaces)
        AND (NOT p_only_expired OR lease_until < moment)
      RETURNING holds.*
    )
    SELECT 0 AS phase, s.n, s.workspace_id, s.operation_id, s.credits AS amount, s.allowance AS units,
      s.token_amount, gone.client_token_id AS token_id, gone.operation_id IS NOT NULL AS found,
      gone.credits AS held_credits, gone.overage AS held_overage, gone.allowance AS held_allowance,
      gone.token_amount AS held_token, gone.created_at AS held_at, gone.end_user_id AS person_id,
      gone.end_user_amount AS held_person, gone.end_user_period AS held_period, s.status, s.audio_milliseconds,
      NULL::bigint AS rate, NULL::bigint AS per, false AS allowance_eligible, false AS allowance_only,
      NULL::bigint AS max_credits, NULL::text AS key_operation, NULL::text AS key, NULL::text AS input_hash,
      false AS rerun_aborted, false AS rolled, NULL::bigint AS at_least
    FROM jsonb_to_recordset(p_settles) AS s (n integer, workspace_id uuid, operation_id uuid, credits bigint,
      allowance bigint, token_amount bigint, status text, audio_milliseconds bigint)
    LEFT JOIN gone ON gone.operation_id = s.operation_id AND gone.workspace_id = s.workspace_id
    UNION ALL
    SELECT 1, r.n, r.workspace_id, r.operation_id, r.credits, r.units, r.token_amount, r.client_token_id, NULL,
      NULL, NULL, NULL, NULL, NULL, r.details ->> 'end_user_id', NULL, NULL, NULL, NULL, r.rate, r.per,
      r.allowance_eligible, r.allowance_only, r.max_credits, r.key_operation, r.key, r.input_hash, r.rerun_aborted,
      r.rolled, r.at_least
    FROM jsonb_to_recordset(p_reserves) AS r (n integer, workspace_id uuid, operation_id uuid, credits bigint,
      units bigint, token_amount bigint, client_token_id uuid, rate bigint, per bigint, allowance_eligible boolean,
      allowance_only boolean, max_credits bigint, key_operation text, key text, input_hash text, rerun_aborted boolean,
      -- The caller has just handled expiries and the period's end of this account.
      rolled boolean, at_least bigint, details jsonb)
    UNION ALL
    -- The end, after which no account is open.
    SELECT 2, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
      NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    ORDER BY 3, 1, 2
  LOOP
    IF account.workspace_id IS DISTINCT FROM item.workspace_id THEN
      IF account.workspace_id IS NOT NULL THEN
        UPDATE accounts SET spendable = account.spendable, held = account.held, overage_used = account.overage_used,
          overage_held = account.overage_held, allowance_used = account.allowance_used,
          allowance_held = account.allowance_held, event_sequence = account.event_sequence
        WHERE workspace_id = account.workspace_id;
      END IF;
      IF grants_loaded THEN
        -- Those behind the present one are as they were.
        FOR at IN 1 .. LEAST(grant_at, cardinality(grant_ids)) LOOP
          UPDATE grants SET remaining = grant_left[at], spent = spent + remaining - grant_left[at]
          WHERE id = grant_ids[at] AND remaining <> grant_left[at];
        END LOOP;
      END IF;
      grants_loaded := false;
      EXIT WHEN item.phase = 2;
      SELECT * INTO account FROM accounts WHERE accounts.workspace_id = item.workspace_id;
    END IF;
    EXIT WHEN item.phase = 2;
    o_operation := item.operation_id; o_sequence := NULL; o_credits := 0; o_overage := 0; o_allowance := 0;
    o_cost := 0; o_required := NULL; o_available := NULL; o_other := NULL; o_settled_at := NULL; o_limit := NULL;
    o_reset_at := NULL;
    IF account.workspace_id IS NULL THEN
      o_outcome := 'NO_ACCOUNT'; o_balance := 0;
      RETURN NEXT;
      CONTINUE;
    END IF;

    IF item.phase = 0 THEN
      IF NOT item.found THEN
        -- Settled before (the answer was lost), or expired: the event says which.
        SELECT e.sequence, e.credits, e.overage_credits, e.allowance_characters, e.balance_after, e.cost_usd_e10,
          e.status, e.settled_at INTO event
        FROM usage_events e WHERE e.id = item.operation_id AND e.workspace_id = item.workspace_id;
        IF FOUND AND event.status <> 'UNKNOWN' THEN
          o_outcome := 'SETTLED'; o_sequence := event.sequence; o_credits := event.credits;
          o_overage := event.overage_credits; o_allowance := event.allowance_characters;
          o_balance := event.balance_after; o_cost := event.cost_usd_e10; o_settled_at := event.settled_at;
        ELSE
          o_outcome := 'EXPIRED'; o_balance := account.spendable - account.held;
        END IF;
        RETURN NEXT;
        CONTINUE;
      END IF;

      charge := LEAST(item.amount, item.held_credits + item.held_overage);
      characters := LEAST(item.units, item.held_allowance);
      account.held := account.held - item.held_credits;
      account.overage_held := account.overage_held - item.held_overage;
      account.allowance_held := account.allowance_held - item.held_allowance;
      -- Grants are spent before overage begins, also where other holds have given something back since.
      from_grants := LEAST(charge, account.spendable - account.held);
      over := charge - from_grants;
      account.spendable := account.spendable - from_grants;
      account.overage_used := account.overage_used + over;
      account.allowance_used := account.allowance_used + characters;
      account.event_sequence := account.event_sequence + 1;
      rest := from_grants;
      IF rest > 0 THEN
        IF NOT grants_loaded THEN
          SELECT array_agg(g.id), array_agg(g.remaining) INTO grant_ids, grant_left FROM (
            SELECT id, remaining FROM grants
            WHERE grants.workspace_id = account.workspace_id AND remaining > 0
            ORDER BY expires_at NULLS LAST, created_at, id
          ) g;
          grants_loaded := true;
          grant_at := 1;
        END IF;
        WHILE rest > 0 LOOP
          IF grant_at > COALESCE(array_length(grant_ids, 1), 0) THEN
            RAISE EXCEPTION 'ledger: the grants of workspace % do not cover what its account says', account.workspace_id;
          END IF;
          take := LEAST(rest, grant_left[grant_at]);
          IF take > 0 THEN
            grant_left[grant_at] := grant_left[grant_at] - take;
            rest := rest - take;
            j_workspace := j_workspace || account.workspace_id; j_bucket := j_bucket || 'credits'::text;
            j_amount := j_amount || -take; j_grant := j_grant || grant_ids[grant_at];
            j_operation := j_operation || item.operation_id; j_period := j_period || account.period_number;
            j_rate := j_rate || NULL::integer;
          ELSE
            grant_at := grant_at + 1;
          END IF;
        END LOOP;
      END IF;
      IF over > 0 THEN
        j_workspace := j_workspace || account.workspace_id; j_bucket := j_bucket || 'overage'::text;
        j_amount := j_amount || -over; j_grant := j_grant || NULL::uuid;
        j_operation := j_operation || item.operation_id; j_period := j_period || account.period_number;
        j_rate := j_rate || account.overage_rate;
      END IF;
      IF characters > 0 THEN
        j_workspace := j_workspace || account.workspace_id; j_bucket := j_bucket || 'allowance'::text;
        j_amount := j_amount || -characters; j_grant := j_grant || NULL::uuid;
        j_operation := j_operation || item.operation_id; j_period := j_period || account.period_number;
        j_rate := j_rate || NULL::integer;
      END IF;
      -- 1 micro-credit is USD 10 x 10^-10; overage: rate x 10^-4 a credit is rate x 10^-10 a micro-credit.
      cost := from_grants * 10 + over * COALESCE(account.overage_rate, 0);
      o_balance := account.spendable - account.held;
      IF item.token_id IS NOT NULL THEN
        UPDATE client_tokens c SET held = c.held - item.held_token,
          spent = c.spent + LEAST(item.token_amount, item.held_token)
        WHERE c.id = item.token_id
        RETURNING c.budget - c.spent - c.held INTO o_balance;
      END IF;
      IF item.person_id IS NOT NULL THEN
        -- It counts where it was held: in that day and that period, or nowhere when they are over.
        UPDATE end_user_limits l SET
          day_held = l.day_held - CASE WHEN counts.today THEN item.held_person ELSE 0 END,
          day_spent = l.day_spent + CASE WHEN counts.today THEN charge ELSE 0 END,
          period_held = l.period_held - CASE WHEN counts.this_period THEN item.held_person ELSE 0 END,
          period_spent = l.period_spent + CASE WHEN counts.this_period THEN charge ELSE 0 END
        FROM (SELECT k.day = (item.held_at AT TIME ZONE 'UTC')::date AS today,
            k.period_number = item.held_period AS this_period
          FROM end_user_limits k WHERE k.workspace_id = item.workspace_id AND k.end_user_id = item.person_id) counts
        WHERE l.workspace_id = item.workspace_id AND l.end_user_id = item.person_id;
      END IF;
      s_id := s_id || item.operation_id; s_sequence := s_sequence || account.event_sequence;
      s_credits := s_credits || charge; s_overage := s_overage || over; s_allowance := s_allowance || characters;
      s_balance := s_balance || o_balance; s_cost := s_cost || cost;
      s_held := s_held || (item.held_credits + item.held_overage); s_rate := s_rate || account.overage_rate;
      s_period := s_period || account.period_number; s_created := s_created || item.held_at;
      s_anomaly := s_anomaly || GREATEST(item.amount - charge, 0);
      s_status := s_status || item.status; s_milliseconds := s_milliseconds || COALESCE(item.audio_milliseconds, 0);
      o_outcome := 'SETTLED'; o_sequence := account.event_sequence; o_credits := charge; o_overage := over;
      o_allowance := characters; o_cost := cost; o_settled_at := moment;
      RETURN NEXT;
      CONTINUE;
    END IF;

    o_balance := account.spendable - account.held;
    IF account.next_change_at <= moment AND NOT item.rolled THEN
      o_outcome := 'ROLL';
      RETURN NEXT;
      CONTINUE;
    END IF;
    IF p_again THEN
      SELECT * INTO open_hold FROM holds WHERE holds.operation_id = item.operation_id;
      IF FOUND THEN
        o_outcome := 'HELD'; o_credits := open_hold.credits + open_hold.overage; o_overage := open_hold.overage;
        o_allowance := open_hold.allowance;
        RETURN NEXT;
        CONTINUE;
      END IF;
    END IF;
    IF item.key IS NOT NULL THEN
      -- What this group has settled has no hold any more, and its event is written only when all items are known.
      SELECT k.input_hash, k.operation_id,
        COALESCE(e.status, s_status[array_position(s_id, k.operation_id)]) AS status,
        COALESCE(e.credits, s_credits[array_position(s_id, k.operation_id)]) AS credits,
        COALESCE(e.audio_milliseconds, s_milliseconds[array_position(s_id, k.operation_id)]) AS audio_milliseconds,
        EXISTS (SELECT 1 FROM holds h WHERE h.operation_id = k.operation_id) OR k.operation_id = ANY (h_id) AS open
      INTO earlier
      FROM idempotency_keys k LEFT JOIN usage_events e ON e.id = k.operation_id
      WHERE k.workspace_id = item.workspace_id AND k.operation = item.key_operation AND k.key = item.key
        AND k.created_at > moment - interval '24 hours';
      IF FOUND AND earlier.input_hash <> item.input_hash THEN
        o_outcome := 'CONFLICT';
      ELSIF FOUND AND earlier.open THEN
        o_outcome := 'RUNNING'; o_other := earlier.operation_id;
      ELSIF FOUND AND earlier.status = 'SUCCEEDED' THEN
        o_outcome := 'REPLAY'; o_other := earlier.operation_id;
      ELSIF FOUND AND earlier.status = 'ABORTED'
        AND NOT (item.rerun_aborted AND earlier.credits = 0 AND earlier.audio_milliseconds = 0) THEN
        o_outcome := 'ABORTED'; o_other := earlier.operation_id;
      ELSE
        o_outcome := NULL;
      END IF;
      IF o_outcome IS NOT NULL THEN
        RETURN NEXT;
        CONTINUE;
      END IF;
    END IF;

    -- The allowance takes the first units, credits the rest.
    characters := 0;
    IF item.allowance_eligible THEN
      characters := CASE WHEN account.allowance_limit IS NULL THEN item.units
        ELSE LEAST(item.units, account.allowance_limit - account.allowance_used - account.allowance_held) END;
    END IF;
    free := account.spendable - account.held;
    IF item.allowance_only AND characters < item.units THEN
      o_outcome := 'ALLOWANCE'; o_required := item.units; o_available := characters;
      RETURN NEXT;
      CONTINUE;
    END IF;
    -- A hold is no less than at_least, however much the allowance takes: other routes may have to be paid in credits.
    need := GREATEST(item.at_least, item.amount + CASE WHEN item.rate IS NULL OR item.allowance_only THEN 0
      ELSE ((item.units - characters) * item.rate + item.per - 1) / item.per END);
    IF need > item.max_credits THEN
      o_outcome := 'MAX_CREDITS'; o_required := need; o_available := free;
      RETURN NEXT;
      CONTINUE;
    END IF;
    IF account.blocked AND need > 0 THEN
      o_outcome := 'BLOCKED'; o_required := need; o_available := free;
      RETURN NEXT;
      CONTINUE;
    END IF;
    from_grants := LEAST(need, free);
    over := need - from_grants;
    IF over > 0 AND account.overage_rate IS NULL THEN
      o_outcome := 'INSUFFICIENT'; o_required := need; o_available := free;
      RETURN NEXT;
      CONTINUE;
    END IF;
    IF over > 0 AND account.overage_used + account.overage_held + over > account.overage_limit THEN
      o_outcome := 'OVERAGE_LIMIT'; o_required := need;
      o_available := free + GREATEST(account.overage_limit - account.overage_used - account.overage_held, 0);
      RETURN NEXT;
      CONTINUE;
    END IF;
    person_limited := false;
    IF item.person_id IS NOT NULL THEN
      -- What belongs to an earlier day, period or minute counts no more.
      SELECT l.credits_per_day, l.credits_per_period, l.requests_per_minute, now.day, now.minute,
        CASE WHEN l.day = now.day THEN l.day_spent ELSE 0 END AS day_spent,
        CASE WHEN l.day = now.day THEN l.day_held ELSE 0 END AS day_held,
        CASE WHEN l.period_number = account.period_number THEN l.period_spent ELSE 0 END AS period_spent,
        CASE WHEN l.period_number = account.period_number THEN l.period_held ELSE 0 END AS period_held,
        CASE WHEN l.minute = now.minute THEN l.minute_requests ELSE 0 END AS minute_requests
      INTO person
      FROM end_user_limits l, (SELECT (moment AT TIME ZONE 'UTC')::date AS day,
        floor(extract(epoch FROM moment) / 60)::bigint AS minute) now
      WHERE l.workspace_id = item.workspace_id AND l.end_user_id = item.person_id;
      person_limited := FOUND;
      IF person_limited THEN
        IF person.minute_requests >= person.requests_per_minute THEN
          o_limit := 'REQUESTS_PER_MINUTE'; o_required := person.requests_per_minute;
          o_available := person.minute_requests; o_reset_at := to_timestamp((person.minute + 1) * 60);
        ELSIF need > 0 AND person.day_spent + person.day_held + need > person.credits_per_day THEN
          o_limit := 'CREDITS_PER_DAY'; o_required := person.credits_per_day;
          o_available := person.day_spent + person.day_held;
          o_reset_at := (person.day + 1)::timestamp AT TIME ZONE 'UTC';
        ELSIF need > 0 AND person.period_spent + person.period_held + need > person.credits_per_period THEN
          o_limit := 'CREDITS_PER_PERIOD'; o_required := person.credits_per_period;
          o_available := person.period_spent + person.period_held; o_reset_at := account.period_end;
        END IF;
        IF o_limit IS NOT NULL THEN
          o_outcome := 'END_USER_LIMIT';
          RETURN NEXT;
          CONTINUE;
        END IF;
      END IF;
    END IF;
    list_amount := COALESCE(item.token_amount, 0);
    IF item.token_id IS NOT NULL THEN
      SELECT * INTO token FROM client_tokens c
      WHERE c.id = item.token_id AND c.workspace_id = item.workspace_id FOR UPDATE;
      IF NOT FOUND OR token.revoked_at IS NOT NULL OR token.expires_at <= moment THEN
        o_outcome := 'TOKEN_ENDED';
        RETURN NEXT;
        CONTINUE;
      END IF;
      -- What the allowance pays for is no spending of the budget: the budget counts list price in credits.
      list_amount := GREATEST(list_amount, need);
      budget_free := token.budget - token.spent - token.held;
      IF list_amount > budget_free THEN
        o_outcome := 'TOKEN_LIMIT'; o_required := list_amount; o_available := budget_free;
        RETURN NEXT;
        CONTINUE;
      END IF;
      UPDATE client_tokens c SET held = c.held + list_amount WHERE c.id = item.token_id;
    END IF;
    IF person_limited THEN
      UPDATE end_user_limits l SET day = person.day, day_spent = person.day_spent, day_held = person.day_held + need,
        period_number = account.period_number, period_spent = person.period_spent,
        period_held = person.period_held + need, minute = person.minute, minute_requests = person.minute_requests + 1
      WHERE l.workspace_id = item.workspace_id AND l.end_user_id = item.person_id;
    END IF;
    IF item.key IS NOT NULL THEN
      INSERT INTO idempotency_keys VALUES
        (item.workspace_id, item.key_operation, item.key, item.input_hash, item.operation_id, moment)
      ON CONFLICT (workspace_id, operation, key) DO UPDATE
      SET input_hash = excluded.input_hash, operation_id = excluded.operation_id, created_at = excluded.created_at;
    END IF;
    account.held := account.held + from_grants;
    account.overage_held := account.overage_held + over;
    account.allowance_held := account.allowance_held + characters;
    h_id := h_id || item.operation_id; h_credits := h_credits || from_grants; h_overage := h_overage || over;
    h_allowance := h_allowance || characters; h_token_amount := h_token_amount || list_amount;
    h_person := h_person || CASE WHEN person_limited THEN item.person_id END;
    h_person_amount := h_person_amount || CASE WHEN person_limited THEN need END;
    h_person_period := h_person_period || CASE WHEN person_limited THEN account.period_number END;
    o_outcome := 'HELD'; o_credits := need; o_overage := over; o_allowance := characters;
    o_balance := account.spendable - account.held;
    RETURN NEXT;
  END LOOP;

  IF array_length(h_id, 1) > 0 THEN
    INSERT INTO holds (operation_id, workspace_id, credits, overage, allowance, client_token_id, token_amount, owner,
      lease_until, created_at, details, end_user_id, end_user_amount, end_user_period)
    SELECT r.operation_id, r.workspace_id, h.credits, h.overage, h.allowance, r.client_token_id, h.token_amount, p_owner,
      moment + make_interval(secs => p_lease_seconds), moment, r.details, h.person, h.person_amount, h.person_period
    FROM jsonb_to_recordset(p_reserves) AS r (operation_id uuid, workspace_id uuid, client_token_id uuid, details jsonb)
    JOIN unnest(h_id, h_credits, h_overage, h_allowance, h_token_amount, h_person, h_person_amount, h_person_period)
      AS h (id, credits, overage, allowance, token_amount, person, person_amount, person_period)
      ON h.id = r.operation_id;
  END IF;
  IF array_length(s_id, 1) > 0 THEN
    WITH settled AS (
      INSERT INTO usage_events (id, workspace_id, sequence, capability, status, error_code, provider_id, model,
        credential, voice_id, voice_name, language, style, quality, api_key_id, client_token_id, end_user_id, metadata,
        characters, input_tokens, output_tokens, billable_tokens, audio_milliseconds, requests, allowance_characters,
        estimated_credits, estimated_audio_milliseconds, held_credits, credits, overage_credits, overage_rate,
        cost_usd_e10, balance_after, anomaly_credits, attempts, artifact, provider_count, latency_ms,
        rate_card_version, period_number, created_at, settled_at)
      SELECT s.id, e.workspace_id, s.sequence, e.capability, e.status, e.error_code, e.provider_id, e.model,
        e.credential, e.voice_id, e.voice_name, e.language, e.style, e.quality, e.api_key_id, e.client_token_id,
        e.end_user_id, e.metadata, COALESCE(e.characters, 0), COALESCE(e.input_tokens, 0),
        COALESCE(e.output_tokens, 0),
        CASE WHEN s.credits > 0 OR s.allowance > 0
          THEN COALESCE(e.input_tokens, 0) + COALESCE(e.output_tokens, 0) ELSE 0 END,
        COALESCE(e.audio_milliseconds, 0), COALESCE(e.requests, 0), s.allowance, COALESCE(e.estimated_credits, 0),
        e.estimated_audio_milliseconds, s.held, s.credits, s.overage, s.rate, s.cost, s.balance, s.anomaly,
        COALESCE(e.attempts, '[]'), e.artifact, e.provider_count, e.latency_ms, e.rate_card_version, s.period, s.created,
        moment
      FROM jsonb_to_recordset(p_settles) AS e (operation_id uuid, workspace_id uuid, capability text, status text,
        error_code text, provider_id text, model text, credential text, voice_id text, voice_name text, language text,
        style text, quality text, api_key_id uuid, client_token_id uuid, end_user_id text, metadata jsonb,
        characters bigint, input_tokens bigint, output_tokens bigint, audio_milliseconds bigint, requests integer,
        estimated_credits bigint, estimated_audio_milliseconds bigint, attempts jsonb, artifact jsonb,
        provider_count jsonb, latency_ms double precision, rate_card_version text)
      JOIN unnest(s_id, s_sequence, s_credits, s_overage, s_allowance, s_balance, s_cost, s_held, s_rate, s_period,
        s_created, s_anomaly)
        AS s (id, sequence, credits, overage, allowance, balance, cost, held, rate, period, created, anomaly)
        ON s.id = e.operation_id
      RETURNING usage_events.workspace_id, period_number, capability, status, credits, overage_credits, overage_rate,
        cost_usd_e10, usage_events.characters, provider_id, model, voice_id, voice_name, language, style, api_key_id,
        end_user_id, credential, usage_events.audio_milliseconds, input_tokens, output_tokens
    ), totals AS (
      INSERT INTO usage_totals AS t (workspace_id, period_number, capability, requests, failures, credits,
        overage_credits, cost_usd_e10, overage_usd_e10, characters)
      SELECT s.workspace_id, s.period_number, s.capability, count(*), count(*) FILTER (WHERE s.status = 'FAILED'),
        sum(s.credits), sum(s.overage_credits), sum(s.cost_usd_e10),
        sum(s.overage_credits * COALESCE(s.overage_rate, 0)),
        COALESCE(sum(s.characters) FILTER (WHERE s.status <> 'FAILED'), 0)
      FROM settled s WHERE s.status <> 'UNKNOWN'
      GROUP BY s.workspace_id, s.period_number, s.capability
      ON CONFLICT (workspace_id, period_number, capability) DO UPDATE
      SET requests = t.requests + excluded.requests, failures = t.failures + excluded.failures,
        credits = t.credits + excluded.credits, overage_credits = t.overage_credits + excluded.overage_credits,
        cost_usd_e10 = t.cost_usd_e10 + excluded.cost_usd_e10,
        overage_usd_e10 = t.overage_usd_e10 + excluded.overage_usd_e10,
        characters = t.characters + excluded.characters
    ), sums AS MATERIALIZED (
      SELECT g.*, usage_series_id(g.capability, g.provider_id, g.model, g.voice_id, g.voice_name, g.language, g.style,
        g.api_key_id, g.end_user_id, g.credential) AS series_id
      FROM (
        SELECT s.workspace_id, s.capability, s.provider_id, s.model, s.voice_id, s.voice_name, s.language, s.style,
          s.api_key_id, s.end_user_id, s.credential, count(*) AS requests,
          count(*) FILTER (WHERE s.status = 'FAILED') AS failures, sum(s.credits) AS credits,
          sum(s.overage_credits) AS overage_credits, sum(s.cost_usd_e10) AS cost, sum(s.characters) AS characters,
          sum(s.audio_milliseconds) AS audio_milliseconds, sum(s.input_tokens) AS input_tokens,
          sum(s.output_tokens) AS output_tokens
        FROM settled s WHERE s.status <> 'UNKNOWN'
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
      ) g
    ), series AS (
      INSERT INTO usage_series (workspace_id, id, capability, provider_id, model, voice_id, voice_name, language, style,
        api_key_id, end_user_id, credential, first_used_at)
      SELECT s.workspace_id, s.series_id, s.capability, s.provider_id, s.model, s.voice_id, s.voice_name, s.language,
        s.style, s.api_key_id, s.end_user_id, s.credential, moment
      FROM sums s ON CONFLICT (workspace_id, id) DO NOTHING
    )
    INSERT INTO usage_quarters AS q (workspace_id, quarter, series_id, requests, failures, credits, overage_credits,
      cost_usd_e10, characters, audio_milliseconds, input_tokens, output_tokens)
    SELECT s.workspace_id, usage_quarter(moment), s.series_id, s.requests, s.failures, s.credits, s.overage_credits,
      s.cost, s.characters, s.audio_milliseconds, s.input_tokens, s.output_tokens
    FROM sums s
    ON CONFLICT (workspace_id, quarter, series_id) DO UPDATE
    SET requests = q.requests + excluded.requests, failures = q.failures + excluded.failures,
      credits = q.credits + excluded.credits, overage_credits = q.overage_credits + excluded.overage_credits,
      cost_usd_e10 = q.cost_usd_e10 + excluded.cost_usd_e10, characters = q.characters + excluded.characters,
      audio_milliseconds = q.audio_milliseconds + excluded.audio_milliseconds,
      input_tokens = q.input_tokens + excluded.input_tokens, output_tokens = q.output_tokens + excluded.output_tokens;
  END IF;
  IF array_length(j_workspace, 1) > 0 THEN
    INSERT INTO journal (workspace_id, bucket, kind, amount, grant_id, operation_id, period_number, overage_rate,
      recorded_at)
    SELECT j.workspace, j.bucket, 'usage', j.amount, j.grant_id, j.operation, j.period, j.rate, moment
    FROM unnest(j_workspace, j_bucket, j_amount, j_grant, j_operation, j_period, j_rate)
      AS j (workspace, bucket, amount, grant_id, operation, period, rate);
  END IF;
END $$;
`;

/** Turns holds whose lease ran out into UNKNOWN events: 0 credits, waiting for reconciliation. */
export const LEDGER_EXPIRE = /* sql */ `
CREATE FUNCTION ledger_expire(p_limit integer) RETURNS TABLE (o_operation uuid, o_workspace uuid, o_sequence bigint)
LANGUAGE plpgsql AS $$
DECLARE
  expired jsonb;
BEGIN
  SELECT COALESCE(jsonb_agg(h.details || jsonb_build_object('n', h.n, 'operation_id', h.operation_id,
      'workspace_id', h.workspace_id, 'credits', 0, 'allowance', 0, 'token_amount', 0, 'status', 'UNKNOWN',
      'error_code', 'OUTCOME_UNKNOWN', 'client_token_id', h.client_token_id)), '[]')
  INTO expired
  FROM (SELECT row_number() OVER (ORDER BY lease_until) AS n, holds.* FROM holds WHERE lease_until < ledger_now()
    ORDER BY lease_until LIMIT p_limit) h;
  IF expired = '[]' THEN RETURN; END IF;
  RETURN QUERY
    SELECT c.o_operation, (x ->> 'workspace_id')::uuid, c.o_sequence
    FROM ledger_commit(expired, '[]', '00000000-0000-0000-0000-000000000000', 0, false, true) c
    JOIN jsonb_array_elements(expired) x ON (x ->> 'operation_id')::uuid = c.o_operation
    WHERE c.o_outcome = 'SETTLED' AND c.o_sequence IS NOT NULL;
END $$;
`;
