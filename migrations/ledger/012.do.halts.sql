-- Settlement is halted when the book was found wrong, by whoever found it; nothing is posted until two people have looked
-- and say so. What arrives meanwhile is recorded and confirmed as ever: nothing is lost.
CREATE TABLE settlement_halts (
  halt_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  halted_at timestamptz NOT NULL DEFAULT now(),
  halted_by text NOT NULL,
  -- What is wrong, with the ids to find it by. Nothing personal.
  reason    text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
  ended_at  timestamptz
);
-- One at a time. What is found wrong meanwhile is on record all the same.
CREATE UNIQUE INDEX settlement_halts_open ON settlement_halts ((true)) WHERE ended_at IS NULL;

-- Who said that settlement may go on, each once.
CREATE TABLE settlement_resumptions (
  halt_id bigint NOT NULL REFERENCES settlement_halts,
  -- The login of a person.
  said_by text NOT NULL,
  said_at timestamptz NOT NULL DEFAULT now(),
  reason  text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
  PRIMARY KEY (halt_id, said_by)
);

-- Ended once, and otherwise as they were written.
CREATE TRIGGER settlement_halts_end_once BEFORE UPDATE ON settlement_halts FOR EACH ROW
  WHEN (old.ended_at IS NOT NULL
        OR (old.halt_id, old.halted_at, old.halted_by, old.reason)
           IS DISTINCT FROM (new.halt_id, new.halted_at, new.halted_by, new.reason))
  EXECUTE FUNCTION wallet_core.refuse_change();
CREATE TRIGGER settlement_halts_append_only BEFORE DELETE OR TRUNCATE ON settlement_halts
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
CREATE TRIGGER settlement_resumptions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement_resumptions
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
GRANT SELECT ON settlement_halts, settlement_resumptions TO molam_record, molam_settle, molam_read, molam_operator;

-- Called by post_transfers(), so that nothing is posted, held or reversed while settlement is halted.
CREATE FUNCTION offline_assert_settling() RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM settlement_halts WHERE ended_at IS NULL) THEN
    RAISE EXCEPTION 'settlement is halted' USING ERRCODE = 'MH001';
  END IF;
END $$;
REVOKE ALL ON FUNCTION offline_assert_settling FROM PUBLIC;

-- Halts settlement; where it is halted already, what else was found goes on record. Returns the halt that stands.
CREATE FUNCTION halt_settlement(p_reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  v_halt bigint;
BEGIN
  INSERT INTO settlement_halts (halted_by, reason) VALUES (session_user, p_reason)
  ON CONFLICT ((true)) WHERE ended_at IS NULL DO NOTHING
  RETURNING halt_id INTO v_halt;
  IF v_halt IS NULL THEN
    SELECT halt_id INTO STRICT v_halt FROM settlement_halts WHERE ended_at IS NULL;
  END IF;
  INSERT INTO offline_audit_logs (stream, at, actor, action, detail)
  VALUES ('settlement', now(), session_user, 'settlement_halted',
          jsonb_build_object('halt', v_halt, 'reason', p_reason));
  RETURN v_halt;
END $$;
REVOKE ALL ON FUNCTION halt_settlement FROM PUBLIC;
-- Whoever may look may stop.
GRANT EXECUTE ON FUNCTION halt_settlement TO molam_read, molam_operator;

-- One person's word that settlement may go on; with that of a second one it does. Logins are people: the same login
-- twice is one. Returns whether settlement goes on now.
CREATE FUNCTION resume_settlement(p_halt_id bigint, p_reason text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  v_person text := wallet_core.acting_operator();
  v_said   bigint;
BEGIN
  PERFORM FROM settlement_halts WHERE halt_id = p_halt_id AND ended_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no such halt, or it has ended' USING ERRCODE = 'no_data_found';
  END IF;
  INSERT INTO settlement_resumptions (halt_id, said_by, reason) VALUES (p_halt_id, v_person, p_reason)
  ON CONFLICT DO NOTHING;
  INSERT INTO offline_audit_logs (stream, at, actor, action, detail)
  VALUES ('settlement', now(), 'operator:' || v_person, 'settlement_resume_said',
          jsonb_build_object('halt', p_halt_id, 'reason', p_reason));
  SELECT count(*) INTO v_said FROM settlement_resumptions WHERE halt_id = p_halt_id;
  IF v_said < 2 THEN RETURN false; END IF;
  UPDATE settlement_halts SET ended_at = now() WHERE halt_id = p_halt_id;
  -- What waited is due again.
  UPDATE offline_sync_queue SET next_retry_at = now() WHERE waiting_for = 'settlement';
  INSERT INTO offline_audit_logs (stream, at, actor, action, detail)
  VALUES ('settlement', now(), 'operator:' || v_person, 'settlement_resumed', jsonb_build_object('halt', p_halt_id));
  RETURN true;
END $$;
REVOKE ALL ON FUNCTION resume_settlement FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resume_settlement TO molam_operator;
