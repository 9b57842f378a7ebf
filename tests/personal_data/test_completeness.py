"""A table that is added later must not be forgotten when an account is joined, told or closed."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from tortoise import Model
from tortoise.fields import TextField, UUIDField
from tortoise.fields.relational import ForeignKeyFieldInstance

from app.cases.models import Case
from app.delivery.models import Parcel
from app.identity.closing import close_account
from app.identity.exporting import export_all
from app.identity.models import Resident
from app.identity.ports import PersonalData
from app.kernel import db, ports
from app.kernel.audit import AuditLine
from app.kernel.privacy import unseal
from app.messages.models import Message, MessageAttempt, Subscription
from app.representation.models import LegalPerson, Mandate
from tests.architecture.tables import models
from tests.personal_data.everything import ADDRESS, NAME, NUMBER, PHONE, make_account, make_user_of_everything
from tests.personal_data.rights import proven_actor
from tests.portal import Portal

NAMES_OF_RESIDENTS = {"resident_id", "owner", "owner_id", "person", "account_id", "principal_id", "claimant_id"}
TOLD_ELSEWHERE = {
    (Resident, "merged_into_id"): "tombstones are the account's own past; the looks at them are told",
    (LegalPerson, "account_id"): "the account of a legal person, in which nobody signs in",
    (AuditLine, "person"): "never changed; the export tells what staff did as its access log",
    (Case, "came_from_id"): "remembers the joining itself",
}


def columns() -> Iterator[tuple[type[Model], str]]:
    """Every column that names a resident: by a reference, or by its name alone."""
    for model in models():
        for name, field in model._meta.fields_map.items():
            if isinstance(field, ForeignKeyFieldInstance) and field.related_model is Resident:
                yield model, str(field.source_field or f"{name}_id")
            elif isinstance(field, UUIDField) and name in NAMES_OF_RESIDENTS | {"came_from_id"}:
                references = {
                    str(other.source_field)
                    for other in model._meta.fields_map.values()
                    if isinstance(other, ForeignKeyFieldInstance)
                }
                if name not in references:
                    yield model, name


def watched() -> list[tuple[type[Model], str]]:
    return sorted(
        (entry for entry in columns() if entry not in TOLD_ELSEWHERE), key=lambda entry: entry[0]._meta.db_table
    )


async def rows_of(resident_id: UUID) -> dict[str, list[UUID]]:
    """The keys of a resident's rows in every table that knows residents."""
    return {
        f"{model._meta.db_table}.{column}": [
            row["id"]
            for row in await db.rows(f'SELECT id FROM "{model._meta.db_table}" WHERE {column} = $1', resident_id)  # noqa: S608 - names from the models
        ]
        for model, column in watched()
    }


async def test_the_resident_of_these_tests_has_used_everything(portal: Portal) -> None:
    """Fails for a new table: give it a row in `everything.py`, then a place in its domain's `personal_data.py`."""
    used = await make_user_of_everything()
    assert [place for place, ids in (await rows_of(used.id)).items() if not ids] == []


async def test_nothing_stays_behind_when_accounts_are_joined(portal: Portal) -> None:
    used, survivor = await make_user_of_everything(), await make_account()
    before = await rows_of(used.id)

    async with db.transaction():
        for held in sorted(ports.every(PersonalData).values(), key=lambda one: one.rank):
            await held.move(used.id, survivor.id)

    assert [place for place, ids in (await rows_of(used.id)).items() if ids] == []
    after = await rows_of(survivor.id)
    assert {place: set(ids) for place, ids in before.items()} == {place: set(ids) for place, ids in after.items()}


async def test_every_row_is_told_in_the_export(portal: Portal) -> None:
    used = await make_user_of_everything()
    text = (await export_all(await proven_actor(used.actor))).text
    untold = {place: [key for key in ids if str(key) not in text] for place, ids in (await rows_of(used.id)).items()}
    assert {place: ids for place, ids in untold.items() if ids} == {}


async def test_no_sealed_value_survives_closing(portal: Portal) -> None:
    """Every sealed or hashed column of every table is looked at, also of those that only hang on cases."""
    used = await make_user_of_everything()

    closing = await close_account(await proven_actor(used.actor), dry_run=False)

    assert (closing.closed, closing.reasons) == (True, ())
    left = [
        f"{model._meta.db_table}.{name}"
        for model in models()
        for name, field in model._meta.fields_map.items()
        if isinstance(field, TextField) and name.endswith("_sealed")
        for row in await _of(model, used.id)
        if (sealed := getattr(row, name)) is not None and _names_somebody(unseal(sealed))
    ]
    assert left == []
    account = await Resident.get(id=used.id)
    assert (account.id_number_index, account.phone_index, account.language) == (None, None, "")
    assert not await Mandate.exists(agent_index=used.index)


async def _of(model: type[Model], resident_id: UUID) -> list[Model]:
    """The rows of one resident, by whichever column names them."""
    if model is Resident:
        return [await Resident.get(id=resident_id)]
    if model is Parcel:
        return [*await Parcel.filter(contents__case__resident_id=resident_id)]
    found: list[Model] = []
    for one, column in watched():
        if one is model and model is not Mandate:  # a mandate given keeps its agent's name: the proof of the mandate
            found += await model.filter(**{column: resident_id})
    return found


async def test_what_a_resident_was_told_and_agreed_to_goes_with_the_account(portal: Portal) -> None:
    """Attempts hang on messages, consent on bindings: neither names the resident itself."""
    used = await make_user_of_everything()
    [message] = await Message.filter(resident_id=used.id)
    [agreed] = await Subscription.filter(binding__resident_id=used.id)

    await close_account(await proven_actor(used.actor), dry_run=False)

    assert not await MessageAttempt.exists(message_id=message.id)
    assert not await Subscription.exists(id=agreed.id)


def _names_somebody(text: str) -> bool:
    return any(part in text for part in (NAME, NUMBER, PHONE, ADDRESS.receiver, ADDRESS.phone, ADDRESS.detail))


def test_every_kind_has_words_and_a_place_in_the_order_of_locks() -> None:
    for domain, held in ports.every(PersonalData).items():
        assert 0 <= held.rank <= 4, domain
        assert {period.kind for period in held.retention} <= held.kinds.keys(), domain
        for kind, words in held.kinds.items():
            assert (words.zh, words.en) != ("", ""), kind
            assert bool(words.basis_zh) is (words.fate == "KEPT"), f"{domain}.{kind}"


async def test_what_a_domain_tells_and_forgets_has_words(portal: Portal) -> None:
    used = await make_user_of_everything()
    for domain, held in ports.every(PersonalData).items():
        assert (await held.export(used.id)).keys() <= held.kinds.keys(), domain
        async with db.transaction():
            assert (await held.forget(used.id)).keys() <= held.kinds.keys(), domain
