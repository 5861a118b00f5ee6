-- The outbox of Smart Région: events of this database, written in the transactions that they tell of.
-- For PostgreSQL 14 and later. It may be run again: events that wait are kept.
--
--   psql --set ON_ERROR_STOP=1 --set source=urn:iledefrance:lycees --file outbox.sql
--
-- `source` is what the Région agreed on with this producer: the CloudEvents source of its events.
-- docs/databases.md has the two ways on to Kafka: `smart-region relay postgres`, and Debezium.

\set ON_ERROR_STOP 1
\if :{?source}
\else
  DO $$ BEGIN RAISE EXCEPTION 'source: is missing'
    USING HINT = 'name the source of the events: --set source=urn:iledefrance:lycees'; END $$;
\endif

BEGIN;
-- Run again, it does not tell what is there already.
SET LOCAL client_min_messages = warning;

CREATE SCHEMA IF NOT EXISTS smart_region;
COMMENT ON SCHEMA smart_region IS 'Events for Smart Région; nothing else belongs here.';
REVOKE ALL ON SCHEMA smart_region FROM PUBLIC;

-- Roles without a login: grant them to those of your programs.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY[
    'smart_region_emitter', 'smart_region_relay', 'smart_region_connect', 'smart_region_operator'
  ] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    END IF;
  END LOOP;
END
$$;

-- What an event is from, in one row.
CREATE TABLE IF NOT EXISTS smart_region.producer (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  source text NOT NULL CHECK (length(source) <= 256 AND source ~ '^[!-~]+$')
);
INSERT INTO smart_region.producer (source) VALUES (:'source')
  ON CONFLICT (one) DO UPDATE SET source = EXCLUDED.source;

-- What may be emitted: as the contracts have it.
CREATE TABLE IF NOT EXISTS smart_region.event_type (
  name text PRIMARY KEY,
  type text NOT NULL,
  topic text NOT NULL,
  key_fields text[] NOT NULL,
  day_field text NOT NULL,
  required_fields text[] NOT NULL,
  optional_fields text[] NOT NULL
);
COMMENT ON COLUMN smart_region.event_type.key_fields IS
  'The fields that identify the entity; the first one is the parameter of emit().';
DELETE FROM smart_region.event_type;
INSERT INTO smart_region.event_type VALUES
-- event types
;

CREATE TABLE IF NOT EXISTS smart_region.outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL,
  topic text NOT NULL,
  key text NOT NULL,
  event text NOT NULL,
  content_type text NOT NULL DEFAULT 'application/cloudevents+json',
  emitted_at timestamptz NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
COMMENT ON TABLE smart_region.outbox IS 'Events that wait for a relay. Insert by emit() alone.';
COMMENT ON COLUMN smart_region.outbox.event IS 'A CloudEvent 1.0 in JSON (structured mode).';
COMMENT ON COLUMN smart_region.outbox.xid IS 'For clean(): whose rows a replication slot has passed.';

CREATE TABLE IF NOT EXISTS smart_region.refused (
  seq bigint NOT NULL,
  id uuid NOT NULL,
  topic text NOT NULL,
  key text NOT NULL,
  event text NOT NULL,
  reason text NOT NULL,
  emitted_at timestamptz NOT NULL,
  refused_at timestamptz NOT NULL DEFAULT now(),
  -- An outbox that was emptied with RESTART IDENTITY gives its numbers again.
  PRIMARY KEY (seq, id)
);
COMMENT ON TABLE smart_region.refused IS
  'Events that the contract does not allow, with the reason: correct the row that they tell of.';

CREATE TABLE IF NOT EXISTS smart_region.passed (
  lsn pg_lsn NOT NULL,
  horizon xid8 NOT NULL
);
COMMENT ON TABLE smart_region.passed IS
  'For clean(): every transaction before the horizon ended before this position of the log.';

-- The key of pseudonyms, prepared for HMAC; nobody has a right to read it.
CREATE TABLE IF NOT EXISTS smart_region.pseudonym_key (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  id text NOT NULL,
  inner_pad bytea NOT NULL,
  outer_pad bytea NOT NULL
);

-- Use a key that `smart-region pseudonymise --new-key` wrote: the line in its file.
CREATE OR REPLACE FUNCTION smart_region.use_pseudonym_key(line text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  parts text[] := regexp_match(line, '^\s*[a-z]+_([a-z][a-z0-9]{0,7})_([A-Za-z0-9_-]{43})\s*$');
  key bytea;
  pads bytea[] := ARRAY[repeat('6', 64)::bytea, repeat(E'\\134', 64)::bytea];  -- 0x36, 0x5c
BEGIN
  IF parts IS NULL THEN
    RAISE EXCEPTION 'line: is no key of pseudonyms'
      USING ERRCODE = 'invalid_parameter_value',
        HINT = 'give the line that smart-region pseudonymise --new-key wrote';
  END IF;
  key := decode(translate(parts[2], '-_', '+/') || '=', 'base64');
  FOR place IN 0 .. length(key) - 1 LOOP
    FOR pad IN 1 .. 2 LOOP
      pads[pad] := set_byte(pads[pad], place, get_byte(pads[pad], place) # get_byte(key, place));
    END LOOP;
  END LOOP;
  INSERT INTO smart_region.pseudonym_key (id, inner_pad, outer_pad)
    VALUES (parts[1], pads[1], pads[2])
    ON CONFLICT (one) DO UPDATE
    SET id = EXCLUDED.id, inner_pad = EXCLUDED.inner_pad, outer_pad = EXCLUDED.outer_pad;
END
$$;

-- Return the pseudonym of an enrolment, as `smart-region pseudonymise` makes it: HMAC (RFC 2104)
-- with SHA-256, of which the first 128 bits are kept.
CREATE OR REPLACE FUNCTION smart_region.pseudonym(person text) RETURNS text
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  key smart_region.pseudonym_key;
  -- Other encodings have no accents as characters of their own, which PostgreSQL composes in UTF8 alone.
  is_unicode boolean := getdatabaseencoding() = 'UTF8';
  -- Named one by one: what \s is depends on the database's locale, and has no space that does not break.
  space text := '[\u0009-\u000d\u001c-\u0020\u00a0' || CASE WHEN is_unicode
    THEN '\u0085\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000' ELSE '' END || ']+';
  composed text := CASE WHEN is_unicode THEN normalize(person, NFC) ELSE person END;
  named bytea := convert_to(regexp_replace(composed, format('^%1$s|%1$s$', space), '', 'g'), 'UTF8');
BEGIN
  SELECT * INTO key FROM smart_region.pseudonym_key;
  IF key.id IS NULL THEN
    RAISE EXCEPTION 'pseudonym key: is missing'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'call smart_region.use_pseudonym_key(line)';
  END IF;
  IF length(named) = 0 THEN
    RAISE EXCEPTION 'person: is blank' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  RETURN key.id || '-' || left(encode(sha256(key.outer_pad || sha256(key.inner_pad || named)), 'hex'), 32);
END
$$;

-- Emit one event. It is sent if, and only if, the transaction commits.
--   type       what happened: 'school.connected'; the table event_type has all of them
--   entity     whom it is about: 'the UAI of the lycée'
--   day        the day on which it took effect
--   data       the other fields of the fact; docs/contracts has them
--   retracted  true takes back what was emitted about this entity, this type and this day
-- Returns the id of the event. What the table event_type can tell is checked here, and the rest by
-- the relay or the workers.
CREATE OR REPLACE FUNCTION smart_region.emit(
  type text, entity text, day date, data jsonb DEFAULT '{}', retracted boolean DEFAULT false
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
SET datestyle = 'ISO' AS $$
DECLARE
  kind smart_region.event_type;
  own jsonb;
  fact jsonb;
  missing text;
  unknown text;
  entity_key text;
  event_id uuid := gen_random_uuid();
  last_at timestamptz := nullif(current_setting('smart_region.last_emitted_at', true), '');
  at timestamptz := clock_timestamp();
BEGIN
  SELECT * INTO kind FROM smart_region.event_type WHERE name = emit.type;
  IF kind.name IS NULL THEN
    RAISE EXCEPTION 'type: is not an event type, value %', coalesce(quote_literal(emit.type), 'null')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'use one of: ' || (
        SELECT string_agg(name, ', ' ORDER BY name) FROM smart_region.event_type);
  END IF;
  IF entity IS NULL OR entity !~ '\S' THEN
    RAISE EXCEPTION '%: is missing', kind.key_fields[1]
      USING ERRCODE = 'invalid_parameter_value', HINT = 'name the entity that the event is about';
  END IF;
  -- The contract takes more, and no worker looks for names: what arrives is kept for ever.
  IF kind.key_fields[1] = 'enrolment_id' AND entity !~ '^[a-z][a-z0-9]{0,7}-[0-9a-f]{32}$' THEN
    RAISE EXCEPTION 'enrolment_id: is no pseudonym'
      USING ERRCODE = 'invalid_parameter_value',
        HINT = 'pass smart_region.pseudonym(person), or what smart-region pseudonymise has made';
  END IF;
  IF day IS NULL THEN
    RAISE EXCEPTION '%: is missing', kind.day_field
      USING ERRCODE = 'invalid_parameter_value', HINT = 'give the day on which it took effect';
  END IF;
  IF data IS NULL OR jsonb_typeof(data) <> 'object' THEN
    RAISE EXCEPTION 'data: is not a JSON object'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'give the other fields, or nothing';
  END IF;
  own := jsonb_build_object(kind.key_fields[1], entity, kind.day_field, day::text);
  fact := data || own || CASE WHEN retracted THEN '{"retracted": true}' ELSE '{}' END::jsonb;
  SELECT string_agg(name, ', ') INTO missing FROM unnest(kind.required_fields) AS name
    WHERE NOT fact ? name;
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION '%: is missing in data', missing
      USING ERRCODE = 'invalid_parameter_value',
        HINT = format('%s needs %s', kind.name, array_to_string(kind.required_fields, ', '));
  END IF;
  SELECT string_agg(name, ', ') INTO unknown FROM jsonb_object_keys(data) AS name
    WHERE name <> ALL (kind.required_fields || kind.optional_fields) OR own ? name;
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION '%: is no other field of %', unknown, kind.name
      USING ERRCODE = 'invalid_parameter_value', HINT = 'remove it from data';
  END IF;
  SELECT string_agg(fact ->> name, '/' ORDER BY place) INTO entity_key
    FROM unnest(kind.key_fields) WITH ORDINALITY AS field (name, place);
  -- Of two events about the same, the later one counts: no two of a session have the same time.
  IF at <= last_at THEN
    at := last_at + interval '1 microsecond';
  END IF;
  PERFORM set_config('smart_region.last_emitted_at', at::text, false);
  INSERT INTO smart_region.outbox (id, topic, key, event, emitted_at)
    SELECT event_id, kind.topic, entity_key, jsonb_build_object(
        'specversion', '1.0',
        'id', event_id,
        'source', producer.source,
        'type', kind.type,
        'time', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'datacontenttype', 'application/json',
        'data', fact
      )::text, at
    FROM smart_region.producer;
  PERFORM pg_notify('smart_region_outbox', '');
  RETURN event_id;
END
$$;

CREATE OR REPLACE FUNCTION smart_region.slot(event smart_region.outbox) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$ SELECT hashtext(event.topic || '/' || event.key) & 63 $$;

-- The first rows, with their locks. Planned as a part of the statement that asks.
CREATE OR REPLACE FUNCTION smart_region.first_waiting(most integer)
RETURNS TABLE (seq bigint, id uuid, topic text, key text, event text, slot integer)
LANGUAGE sql STABLE AS $$
  SELECT one.seq, one.id, one.topic, one.key, one.event, smart_region.slot(one)
  FROM smart_region.outbox AS one ORDER BY one.seq LIMIT most;
$$;

-- Give a relay the first events, but those of entities that another relay has; its transaction
-- locks them. Events about one entity are given in their order. An entity belongs to one of 64
-- locks, of which a relay takes no more than it needs: the others are for the next one.
CREATE OR REPLACE FUNCTION smart_region.take(most integer)
RETURNS TABLE (seq bigint, id uuid, topic text, key text, event text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  waiting record;
  ours integer[] := '{}';
  events bigint := 0;
BEGIN
  FOR waiting IN
    SELECT first.slot, count(*) AS events FROM smart_region.first_waiting(4 * most) AS first
    GROUP BY first.slot ORDER BY min(first.seq)
  LOOP
    CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtext('smart_region.outbox'), waiting.slot);
    ours := ours || waiting.slot;
    events := events + waiting.events;
    EXIT WHEN events >= most;
  END LOOP;
  -- A statement of its own sees what another relay removed before it gave up a lock.
  RETURN QUERY
    SELECT first.seq, first.id, first.topic, first.key, first.event
    FROM smart_region.first_waiting(4 * most) AS first
    WHERE first.slot = ANY (ours) ORDER BY first.seq LIMIT most;
END
$$;

-- Remove events that have arrived.
CREATE OR REPLACE FUNCTION smart_region.delivered(seqs bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM smart_region.outbox WHERE seq = ANY (seqs);
$$;

-- Put an event aside that will never be accepted.
CREATE OR REPLACE FUNCTION smart_region.refuse(seq bigint, reason text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM smart_region.outbox AS one WHERE one.seq = refuse.seq RETURNING one.*)
  INSERT INTO smart_region.refused (seq, id, topic, key, event, reason, emitted_at)
    SELECT gone.seq, gone.id, gone.topic, gone.key, gone.event, refuse.reason, gone.emitted_at FROM gone;
$$;

-- How many events wait, and for how many seconds the first of them has.
CREATE OR REPLACE FUNCTION smart_region.waiting(OUT events bigint, OUT seconds double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(emitted_at)), 0)
  FROM smart_region.outbox;
$$;

-- With Debezium: remove what its replication slot has passed and is older than `older`. Run it
-- twice a day; each run removes what was passed when the run before it looked. Returns the number.
CREATE OR REPLACE FUNCTION smart_region.clean(slot text, older interval DEFAULT '7 days')
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  confirmed pg_lsn;
  reached xid8;
  removed bigint;
BEGIN
  SELECT confirmed_flush_lsn INTO confirmed FROM pg_replication_slots
    WHERE slot_name = slot AND database = current_database();
  IF confirmed IS NULL THEN
    RAISE EXCEPTION 'slot: is no logical replication slot of this database, value %', quote_literal(slot)
      USING ERRCODE = 'invalid_parameter_value',
        HINT = 'name that of the connector; smart-region relay postgres removes what it sends itself';
  END IF;
  -- A restored dump has what another server had passed, whose transactions have other numbers.
  DELETE FROM smart_region.passed WHERE horizon > pg_snapshot_xmax(pg_current_snapshot())
    OR lsn > pg_current_wal_insert_lsn();
  SELECT max(horizon) INTO reached FROM smart_region.passed WHERE lsn <= confirmed;
  DELETE FROM smart_region.outbox WHERE xid < reached AND emitted_at < now() - older;
  GET DIAGNOSTICS removed = ROW_COUNT;
  DELETE FROM smart_region.passed WHERE horizon < reached;
  -- The horizon first: what is before it ended before the position that is read then.
  INSERT INTO smart_region.passed (horizon, lsn)
    SELECT pg_snapshot_xmin(pg_current_snapshot()), pg_current_wal_insert_lsn();
  RETURN removed;
END
$$;

-- Rights: who emits may only emit, who relays may only take and settle, who operates may only look
-- after what waits, was refused or is to be removed.
REVOKE ALL ON ALL TABLES IN SCHEMA smart_region FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA smart_region FROM PUBLIC;
GRANT USAGE ON SCHEMA smart_region
  TO smart_region_emitter, smart_region_relay, smart_region_connect, smart_region_operator;
GRANT EXECUTE ON FUNCTION
  smart_region.emit(text, text, date, jsonb, boolean), smart_region.pseudonym(text)
  TO smart_region_emitter;
GRANT EXECUTE ON FUNCTION
  smart_region.take(integer), smart_region.delivered(bigint[]), smart_region.refuse(bigint, text),
  smart_region.waiting()
  TO smart_region_relay;
GRANT SELECT ON smart_region.outbox TO smart_region_connect;
GRANT EXECUTE ON FUNCTION smart_region.waiting(), smart_region.clean(text, interval)
  TO smart_region_operator;
GRANT SELECT, DELETE ON smart_region.refused TO smart_region_operator;

-- For Debezium: inserts alone, so that what clean() and the relay remove is no event.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'smart_region_outbox') THEN
    CREATE PUBLICATION smart_region_outbox FOR TABLE smart_region.outbox WITH (publish = 'insert');
  END IF;
END
$$;

COMMIT;
