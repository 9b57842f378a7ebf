from __future__ import annotations

import asyncio
from datetime import timedelta

import psycopg

from app import migrating
from app.booking.policy import Policy
from app.embedded import EmbeddedPostgres
from tests.clusters import migrate_back


async def test_two_processes_that_migrate_at_once_apply_each_migration_once(postgres: EmbeddedPostgres) -> None:
    url = postgres.create_database("migrated")
    assert await migrating.pending(url) == migrating.known()

    one, other = await asyncio.gather(migrating.migrate(url), migrating.migrate(url))

    assert sorted(one + other) == migrating.known()
    assert await migrating.pending(url) == []
    postgres.drop_database("migrated")


# As the release before wrote them: no column that came later is named.
_PEOPLE_OF_THE_RELEASE_BEFORE = """
    INSERT INTO resident (id, level, created_at) VALUES ('00000000-0000-7000-8000-000000000001', 4, now());
    INSERT INTO channel_binding (id, resident_id, channel, app_id, open_id, bound_at)
        VALUES ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001', 'wechat', 'a', 'o',
            now());
    INSERT INTO identity_proof (id, resident_id, method, reference, ticket, open_id, name_sealed, id_number_sealed,
            state, raw_code, started_at, expires_at)
        VALUES ('00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000001', 'wechat-face', 'r', 't',
            'o', 's', 's', 'PASSED', '10000', now(), now());
    INSERT INTO staff (id, login, password_hash, title, roles, active, failures)
        VALUES ('00000000-0000-7000-8000-000000000004', 'clerk', 'unusable', '窗口', '["WINDOW_ACCEPTOR"]', true, 0);
    INSERT INTO session (id, resident_id, channel, device, refresh_hash, created_at, refreshed_at, expires_at)
        VALUES ('00000000-0000-7000-8000-000000000005', '00000000-0000-7000-8000-000000000001', 'wechat', 'd', 'h',
            now(), now(), now());
    INSERT INTO audit_line (at, actor, act, subject, result, detail) VALUES (now(), 'a', 'b', 'c', 'done', '{}');
"""
_AS_THEY_ARE_NOW = """
    SELECT r.kind, r.language, r.merged_into_id, p.level AS proof, s.address, st.division_code, st.totp_step,
        st.password_changed_at, a.mac
    FROM resident r, identity_proof p, session s, staff st, audit_line a
"""


async def test_a_database_with_people_of_the_release_before_is_brought_up_to_date(postgres: EmbeddedPostgres) -> None:
    """A new column needs a default in the database: for the rows there are, and for what the old code still adds."""
    url = postgres.create_database("release_before")
    try:
        await migrating.migrate(url, until="0004_jobs_and_guards")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_PEOPLE_OF_THE_RELEASE_BEFORE)

            assert await migrating.migrate(url) == [name for name in migrating.known() if name > "0005"]

            told = connection.execute(_AS_THEY_ARE_NOW).fetchall()
            assert told == [("NATURAL", "", None, 1, "", "", 0, None, "")]
            connection.execute(
                "INSERT INTO staff (id, login, password_hash, title, roles, active, failures) "
                "VALUES ('00000000-0000-7000-8000-000000000006', 'other', 'unusable', '窗口', '[]', true, 0)"
            )
    finally:
        postgres.drop_database("release_before")


# Somebody who booked for a case, somebody who missed a visit, and a counter with rules of its own.
_VISITS_OF_THE_RELEASE_BEFORE = """
    INSERT INTO department (key, name_zh, name_en, credit_code, division_code) VALUES ('d', 'd', 'd', 'c', '990100');
    INSERT INTO service_point (key, name_zh, name_en, kind, division_code, address_zh, windows, queue_categories,
            opening_hours)
        VALUES ('hall', 'h', 'h', 'HALL', '990100', 'a', 4, '["D"]', '{}');
    INSERT INTO business_policy (id, service_point_id, category, slot_minutes, capacity, days_ahead)
        VALUES (gen_random_uuid(), 'hall', 'D', 20, 7, 14);
    INSERT INTO resident (id, level, created_at) VALUES ('00000000-0000-7000-8000-000000000011', 4, now());
    INSERT INTO slot (id, service_point_id, category, day, starts_at, ends_at, capacity, taken)
        VALUES ('00000000-0000-7000-8000-000000000012', 'hall', 'D', '2026-11-27', '2026-11-27 01:00+00',
            '2026-11-27 01:30+00', 4, 2);
    INSERT INTO booking (id, resident_id, slot_id, item_key, day, state, booked_at) VALUES
        ('00000000-0000-7000-8000-000000000013', '00000000-0000-7000-8000-000000000011',
            '00000000-0000-7000-8000-000000000012', 'id-card-replace', '2026-11-27', 'BOOKED', now()),
        ('00000000-0000-7000-8000-000000000014', '00000000-0000-7000-8000-000000000011',
            '00000000-0000-7000-8000-000000000012', 'passport', '2026-11-27', 'NO_SHOW', now());
"""
_VISITS_AS_THEY_ARE_NOW = """
    SELECT b.state, b.until = s.ends_at, b.slots = ARRAY[s.id], b.party, i.item_key, i.live, i.case_id, s.phone_taken
    FROM booking b JOIN slot s ON s.id = b.slot_id JOIN booking_item i ON i.booking_id = b.id ORDER BY b.id
"""


async def test_visits_and_rules_of_the_release_before_are_kept(postgres: EmbeddedPostgres) -> None:
    """A booking becomes a visit for one item, the three columns of a counter's rules become its document."""
    url = postgres.create_database("visits_before")
    try:
        await migrating.migrate(url, until="0006_audit_chain")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_VISITS_OF_THE_RELEASE_BEFORE)

            await migrating.migrate(url)

            assert connection.execute(_VISITS_AS_THEY_ARE_NOW).fetchall() == [
                ("BOOKED", True, True, 1, "id-card-replace", True, None, 2),
                ("NO_SHOW", True, True, 1, "passport", False, None, 2),
            ]
            [(rules,)] = connection.execute("SELECT rules FROM business_policy").fetchall()
            assert Policy.model_validate(rules).capacity == 7
            assert (rules["slot_minutes"], rules["days_ahead"]) == (20, 14)
            connection.execute("UPDATE booking SET state = 'CANCELLED' WHERE state = 'BOOKED'")
            assert connection.execute("SELECT bool_or(live) FROM booking_item").fetchall() == [(False,)]
    finally:
        postgres.drop_database("visits_before")


# Two sittings at one window with sums of pauses; somebody sits there now, and pauses.
_SHIFTS_OF_THE_RELEASE_BEFORE = """
    INSERT INTO service_point (key, name_zh, name_en, kind, division_code, address_zh, windows, queue_categories,
            opening_hours)
        VALUES ('hall', 'h', 'h', 'HALL', '990100', 'a', 4, '["D", "E"]', '{}');
    INSERT INTO staff (id, login, password_hash, title, roles, active, failures)
        VALUES ('00000000-0000-7000-8000-000000000021', 'clerk', 'unusable', '窗口', '["WINDOW_ACCEPTOR"]', true, 0);
    INSERT INTO hall_window (id, service_point_id, number, categories, skills, staff_id, opened_at, paused_at)
        VALUES ('00000000-0000-7000-8000-000000000022', 'hall', 1, '["D", "E"]', '{"E": 1}',
            '00000000-0000-7000-8000-000000000021', '2026-11-26 01:00+00', '2026-11-26 02:00+00');
    INSERT INTO window_shift (id, window_id, staff_id, began_at, ended_at, paused_seconds) VALUES
        ('00000000-0000-7000-8000-000000000023', '00000000-0000-7000-8000-000000000022',
            '00000000-0000-7000-8000-000000000021', '2026-11-25 01:00+00', '2026-11-25 04:00+00', 900),
        ('00000000-0000-7000-8000-000000000024', '00000000-0000-7000-8000-000000000022',
            '00000000-0000-7000-8000-000000000021', '2026-11-26 01:00+00', NULL, 0);
"""
_PAUSES_AS_THEY_ARE_NOW = """
    SELECT h.categories, p.began_at - h.began_at, p.ended_at - p.began_at
    FROM window_shift h JOIN window_pause p ON p.shift_id = h.id ORDER BY h.id
"""


async def test_pauses_of_the_release_before_stand_at_the_beginning_of_their_shift(postgres: EmbeddedPostgres) -> None:
    """Only their lengths were known. Which businesses a window was open for is told by those it was opened for last."""
    url = postgres.create_database("pauses_before")
    try:
        await migrating.migrate(url, until="0009_payments")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_SHIFTS_OF_THE_RELEASE_BEFORE)

            await migrating.migrate(url)

            assert connection.execute(_PAUSES_AS_THEY_ARE_NOW).fetchall() == [
                (["E"], timedelta(0), timedelta(minutes=15)),
                (["E"], timedelta(hours=1), None),
            ]
            await migrate_back(url, until="0009_payments")
            sums = connection.execute("SELECT paused_seconds FROM window_shift ORDER BY id").fetchall()
            assert sums == [(900,), (0,)]
    finally:
        postgres.drop_database("pauses_before")
