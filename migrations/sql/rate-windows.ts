/**
 * `rate_windows_admit` counts the requests of a group of documents in one statement. Each document is admitted whole
 * or refused whole, in the order given, against what the ones before it have taken.
 *
 * p: counted  text[]  keys that some document counts in, each once: their rows are locked
 *    read     text[]  keys that are only looked at: neither made nor locked
 *    sizes    int[]   for each document the number of its requests
 *    places   int[]   for each request, documents in order: the place of its key in counted || read, from 1
 *    costs    int[]   for each request what it adds; 0 only looks
 *    limits   int[]   for each request the most that its window may hold
 * answer: nowMs, admitted boolean[] for each document, used bigint[] for each request after its document's outcome.
 *
 * Rows are made first and locked then, both in the order of their keys, so two groups never wait for each other; each
 * statement of a VOLATILE function sees what was committed before it, so what is read under the lock is current. The
 * minute is that of the call: a group that waits for a lock beyond it still counts where it arrived.
 */
export const RATE_WINDOWS_ADMIT = /* sql */ `
CREATE FUNCTION rate_windows_admit(p jsonb) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  moment timestamptz := ledger_now();
  this_minute bigint := floor(extract(epoch FROM moment) / 60);
  counted text[] := ARRAY(SELECT jsonb_array_elements_text(p -> 'counted'));
  all_keys text[] := counted || ARRAY(SELECT jsonb_array_elements_text(p -> 'read'));
  sizes integer[] := ARRAY(SELECT jsonb_array_elements_text(p -> 'sizes')::integer);
  places integer[] := ARRAY(SELECT jsonb_array_elements_text(p -> 'places')::integer);
  costs bigint[] := ARRAY(SELECT jsonb_array_elements_text(p -> 'costs')::bigint);
  limits bigint[] := ARRAY(SELECT jsonb_array_elements_text(p -> 'limits')::bigint);
  -- For each key what its window held when it was read, and holds now.
  found_used bigint[] := array_fill(0::bigint, ARRAY[cardinality(all_keys)]);
  now_used bigint[];
  admitted boolean[] := '{}';
  used_after bigint[] := '{}';
  first_request integer := 1;
  next_request integer;
  size integer;
  place integer;
  row_used bigint;
  fits boolean;
BEGIN
  INSERT INTO rate_windows (key, minute, used)
    SELECT name, this_minute, 0 FROM unnest(counted) AS name ORDER BY name COLLATE "C"
    ON CONFLICT DO NOTHING;
  FOR place IN SELECT n FROM unnest(counted) WITH ORDINALITY AS k (name, n) ORDER BY name COLLATE "C" LOOP
    SELECT w.used INTO STRICT row_used FROM rate_windows w
      WHERE w.key = counted[place] AND w.minute = this_minute FOR UPDATE;
    found_used[place] := row_used;
  END LOOP;
  FOR place IN cardinality(counted) + 1 .. cardinality(all_keys) LOOP
    SELECT w.used INTO row_used FROM rate_windows w WHERE w.key = all_keys[place] AND w.minute = this_minute;
    found_used[place] := coalesce(row_used, 0);
  END LOOP;
  now_used := found_used;

  FOREACH size IN ARRAY sizes LOOP
    next_request := first_request + size;
    fits := true;
    FOR n IN first_request .. next_request - 1 LOOP
      IF costs[n] > 0 AND now_used[places[n]] + costs[n] > limits[n] THEN fits := false; END IF;
    END LOOP;
    FOR n IN first_request .. next_request - 1 LOOP
      IF fits THEN now_used[places[n]] := now_used[places[n]] + costs[n]; END IF;
      used_after[n] := now_used[places[n]];
    END LOOP;
    admitted := admitted || fits;
    first_request := next_request;
  END LOOP;

  FOR place IN 1 .. cardinality(counted) LOOP
    IF now_used[place] > found_used[place] THEN
      UPDATE rate_windows w SET used = now_used[place] WHERE w.key = counted[place] AND w.minute = this_minute;
    END IF;
  END LOOP;
  RETURN jsonb_build_object(
    'nowMs', floor(extract(epoch FROM moment) * 1000), 'admitted', to_jsonb(admitted), 'used', to_jsonb(used_after));
END $$;
`;
