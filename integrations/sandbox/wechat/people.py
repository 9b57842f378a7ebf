"""Without this module nobody would have WeChat on a phone."""

from __future__ import annotations

import string
from dataclasses import dataclass

from integrations.sandbox.key_files import random_text
from integrations.sandbox.people import make_person
from integrations.sandbox.records import Records, Shelf

OPENID_ALPHABET = string.ascii_letters + string.digits + "-_"


@dataclass(frozen=True)
class Phone:
    """A resident's phone with WeChat on it. `session_key` is the newest one, empty before the first login;
    `high_risk` makes the platform refuse every login.
    """

    openid: str
    unionid: str
    name: str
    id_number: str
    mobile: str
    session_key: str = ""
    high_risk: bool = False


class People:
    def __init__(self, records: Records) -> None:
        self._records = records
        self._phones = Shelf(records, "phones", Phone, keep=20000)

    def make(self, name: str, id_number: str, mobile: str, *, high_risk: bool) -> Phone:
        """A new phone; what is left empty is made up."""
        person = make_person(self._records, name, id_number, mobile)
        phone = Phone(
            openid="o" + random_text(OPENID_ALPHABET, 27),
            unionid="o" + random_text(OPENID_ALPHABET, 27),
            name=person.name,
            id_number=person.id_number,
            mobile=person.mobile,
            high_risk=high_risk,
        )
        self.keep(phone)
        return phone

    def keep(self, phone: Phone) -> None:
        self._phones.put(phone.openid, phone)

    def find(self, openid: str) -> Phone | None:
        return self._phones.get(openid)

    def every(self) -> list[Phone]:
        return self._phones.every()
