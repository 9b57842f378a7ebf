"""Without this module nobody would have an Alipay account."""

from __future__ import annotations

import string
from dataclasses import dataclass

from integrations.sandbox.key_files import ALPHANUMERIC, random_text
from integrations.sandbox.people import make_person
from integrations.sandbox.records import Records, Shelf
from integrations.sandbox.wechat.people import People


@dataclass(frozen=True)
class AlipayUser:
    """A resident's account. `open_id` is this app's name for it, `user_id` the same for every app."""

    open_id: str
    user_id: str
    name: str
    id_number: str
    mobile: str


class Users:
    def __init__(self, records: Records) -> None:
        self._records = records
        self._users = Shelf(records, "alipay_users", AlipayUser, keep=20000)

    def make(self, name: str, id_number: str, mobile: str) -> AlipayUser:
        """A new account; what is left empty is made up."""
        person = make_person(self._records, name, id_number, mobile)
        user = AlipayUser(
            open_id="0" + random_text(ALPHANUMERIC + "-_", 46),
            user_id="2088" + random_text(string.digits, 12),
            name=person.name,
            id_number=person.id_number,
            mobile=person.mobile,
        )
        self._users.put(user.open_id, user)
        return user

    def find(self, open_id: str) -> AlipayUser | None:
        return self._users.get(open_id)

    def every(self) -> list[AlipayUser]:
        return self._users.every()


def is_somebody(records: Records, name: str, id_number: str) -> bool:
    """Whether the sandbox knows a person of this name and number, whichever host app he holds."""
    known = [(phone.name, phone.id_number) for phone in People(records).every()]
    known += [(user.name, user.id_number) for user in Users(records).every()]
    return (name, id_number.upper()) in {(one, number.upper()) for one, number in known}
