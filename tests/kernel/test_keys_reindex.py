from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.identity.merging import ID_NUMBER
from app.identity.models import Resident
from app.identity.phones import PHONE
from app.kernel import clock, db
from app.kernel.privacy import blind_index, key_ring, seal
from app.kernel.settings import SettingsInvalid, get_settings
from app.keys.reindexing import FOLLOWING, INDEXES, reindex
from app.representation.models import Mandate, RepresentationClaim
from app.representation.rules import Basis, ClaimState, MandateState
from tests.kernel.databases import database_of_its_own
from tests.kernel.sealing import fill, number_of, phone_of
from tests.operations.conftest import run_portal
from tests.portal import Services, environment

NEW = {"PORTAL_INDEX_KEY": base64.b64encode(b"i" * 32).decode()}
WITHOUT_ACCOUNT = 99


async def mandate_for(principal: Resident, agent: int) -> Mandate:
    return await Mandate.create(
        principal_id=principal.id,
        agent_index=blind_index(ID_NUMBER, number_of(agent)),
        agent_name_sealed=seal("测试居民"),
        basis=Basis.PROXY,
        state=MandateState.IN_FORCE,
        valid_from=clock.now(),
        granted_by="staff:test",
        granted_at=clock.now(),
    )


@asynccontextmanager
async def filled(services: Services) -> AsyncIterator[str]:
    async with database_of_its_own(services.postgres) as url:
        residents = await fill(3)
        await mandate_for(residents[0], agent=2)
        await mandate_for(residents[0], agent=WITHOUT_ACCOUNT)
        yield url


async def hashes() -> list[tuple[object, ...]]:
    residents = await Resident.all().order_by("id").values_list("id_number_index", "phone_index")
    return [*residents, *await Mandate.all().order_by("id").values_list("agent_index")]


def test_without_a_key_of_its_own_the_index_is_what_it_always_was() -> None:
    with environment({"PORTAL_SECRET_KEY": "a secret of the tests"}):
        assert key_ring().index_key == hmac.new(b"a secret of the tests", b"blind-index", hashlib.sha256).digest()
    with environment(NEW):
        assert key_ring().index_key == b"i" * 32
        assert "aWlp" not in repr(get_settings())


@pytest.mark.parametrize("text", ["short", base64.b64encode(b"i" * 31).decode(), "not base64 at all!"])
def test_a_key_that_is_none_stops_the_program_with_a_sentence(text: str) -> None:
    with environment({"PORTAL_INDEX_KEY": text}), pytest.raises(SettingsInvalid) as stopped:
        key_ring()
    assert str(stopped.value) == "PORTAL_INDEX_KEY: it is base64 of 32 bytes"


async def test_people_and_their_agents_are_found_with_the_new_key(services: Services) -> None:
    async with filled(services):
        with environment(NEW):
            done = await reindex()
            assert done.changed == {"resident.id_number_index": 3, "resident.phone_index": 3}
            assert (done.agents, done.clashing, done.unreadable) == (1, [], [])
            for person in range(3):
                found = await Resident.get(id_number_index=blind_index(ID_NUMBER, number_of(person)))
                assert found.phone_index == blind_index(PHONE, phone_of(person))
            follower = await Mandate.get(agent_index=blind_index(ID_NUMBER, number_of(2)))
            assert done.mandates_left == [row.id for row in await Mandate.exclude(id=follower.id)]

            again = await reindex()
            assert again.changed == {"resident.id_number_index": 0, "resident.phone_index": 0}


async def test_a_claim_that_waits_follows_and_one_that_was_decided_stays(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        [claimant] = await fill(1)
        for basis, state, number in (
            (Basis.GUARDIAN, ClaimState.PENDING, number_of(7)),
            (Basis.LEGAL_REPRESENTATIVE, ClaimState.PENDING, "91110000000000000X"),
            (Basis.GUARDIAN, ClaimState.REFUSED, None),
        ):
            await RepresentationClaim.create(
                claimant_id=claimant.id,
                basis=basis,
                subject_index="0" * 64,
                name_sealed=seal("测试居民") if number else None,
                number_sealed=seal(number) if number else None,
                state=state,
                made_at=clock.now(),
            )
        assert (await reindex()).changed["representation_claim.subject_index"] == 2
        assert {claim.subject_index for claim in await RepresentationClaim.all()} == {
            blind_index("resident.id_number", number_of(7)),
            blind_index("legal_person.credit_code", "91110000000000000X"),
            "0" * 64,
        }


async def test_a_dry_run_counts_and_changes_nothing(services: Services) -> None:
    async with filled(services) as url:
        before = await hashes()
        left = await Mandate.get(agent_index=blind_index(ID_NUMBER, number_of(WITHOUT_ACCOUNT)))
        said = run_portal("keys", "reindex", "--dry-run", PORTAL_DATABASE_URL=url, **NEW)
        assert (said.returncode, said.stdout.splitlines()) == (
            0,
            [
                "resident.id_number_index: 3 would change",
                "resident.phone_index: 3 would change",
                f"? mandate {left.id}: its agent has no account; if it is older than the key, grant it again",
            ],
        )
        assert await hashes() == before


async def test_two_accounts_of_one_person_are_named_and_the_others_go_on(services: Services) -> None:
    """Somebody let the web run between two keys, and a resident came a second time."""
    async with filled(services) as url:
        with environment(NEW):
            await Resident.create(
                id_number_sealed=seal(number_of(1)),
                id_number_index=blind_index(ID_NUMBER, number_of(1)),
                created_at=clock.now(),
            )
        older = await Resident.get(id_number_index=blind_index(ID_NUMBER, number_of(1)))
        said = run_portal("keys", "reindex", PORTAL_DATABASE_URL=url, **NEW)
        assert said.returncode == 1
        assert said.stdout.splitlines()[:4] == [
            "resident.id_number_index: 2 changed",
            "resident.phone_index: 3 changed",
            "mandate.agent_index: 1 changed",
            f"✗ resident {older.id}: another account has this number already; join them, then run again",
        ]


async def test_the_status_tells_when_the_index_is_of_another_key(services: Services) -> None:
    async with filled(services) as url:
        assert run_portal("keys", "status", PORTAL_DATABASE_URL=url).returncode == 0
        said = run_portal("keys", "status", PORTAL_DATABASE_URL=url, **NEW)
        assert said.returncode == 1
        assert "✗ the index of numbers was made with another key" in said.stdout


async def test_every_hash_of_the_database_is_known(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        named = await db.rows(
            "SELECT table_name || '.' || column_name AS name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND column_name LIKE '%\\_index' ORDER BY 1"
        )
        assert {row["name"] for row in named} == {str(index) for index in INDEXES} | FOLLOWING
