"""Rows with something sealed in them, and rings of keys that are easy to tell apart."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta

from app.identity.merging import ID_NUMBER
from app.identity.models import Resident, Staff
from app.identity.phones import PHONE
from app.kernel import clock, db
from app.kernel.privacy import blind_index, seal, unseal
from app.keys.columns import sealed_columns
from app.profiles.models import PostalAddress


def key(letter: str) -> str:
    """`a1:…`: an entry of PORTAL_ENCRYPTION_KEYS."""
    return f"{letter}1:" + base64.b64encode(letter.encode() * 32).decode()


def ring(*letters: str) -> dict[str, str]:
    """The environment with these keys, newest first."""
    return {"PORTAL_ENCRYPTION_KEYS": ",".join(map(key, letters))}


def number_of(person: int) -> str:
    """An eighteen-digit number; nobody checks here whether it could be somebody's."""
    return f"11010119900307{person:04}"


def phone_of(person: int) -> str:
    return f"1380000{person:04}"


async def fill(people: int) -> list[Resident]:
    """Residents with name, number, phone and an address, and one member of staff with a second factor."""
    residents = [
        await Resident.create(
            level=4,
            name_sealed=seal(f"测试居民{person}"),
            id_number_sealed=seal(number_of(person)),
            id_number_index=blind_index(ID_NUMBER, number_of(person)),
            phone_sealed=seal(phone_of(person)),
            phone_index=blind_index(PHONE, phone_of(person)),
            created_at=clock.now(),
        )
        for person in range(people)
    ]
    await PostalAddress.create(
        resident_id=residents[0].id,
        receiver_sealed=seal("测试居民"),
        phone_sealed=seal(phone_of(0)),
        division_code="110101",
        detail_sealed=seal("测试路一号"),
        created_at=clock.now(),
        changed_at=clock.now() + timedelta(seconds=1),
    )
    await Staff.create(login="clerk", password_hash="unusable", title="测试工位", roles=[], totp_sealed=seal("totp"))
    return residents


async def everything_sealed() -> Mapping[str, list[str]]:
    """Every sealed value as it is stored, by column."""
    return {
        str(column): [
            row["value"]
            for row in await db.rows(
                f'SELECT "{column.column}" AS value FROM "{column.table}" '  # noqa: S608
                f'WHERE "{column.column}" IS NOT NULL ORDER BY "{column.key}"'
            )
        ]
        for column in sealed_columns()
    }


async def everything_open() -> Mapping[str, list[str]]:
    """The same as it was before it was sealed."""
    return {column: [unseal(value) for value in values] for column, values in (await everything_sealed()).items()}


async def keys_in_use() -> set[str]:
    return {value.partition(".")[0] for values in (await everything_sealed()).values() for value in values}
