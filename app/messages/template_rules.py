"""Without this module nobody could say what is wrong with a template before a resident is to read it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from app.links.tickets import LINK_VALUES
from app.messages.errors import TemplateInvalid
from app.messages.limits import FieldKind, fault_in, fitted, kind_of
from app.messages.ports import FieldStyle
from app.messages.wording import filled, places_in

MOST_ENTRIES = 10
TITLE_LONGEST, BODY_LONGEST = 40, 400
_PROVIDER_TEMPLATE = re.compile(r"[0-9A-Za-z_-]{4,100}")
_PAGE = re.compile(r"(pages/[0-9A-Za-z_/-]{1,150})?")


@dataclass(frozen=True)
class Entry:
    """One field of a provider's template: its name there, our text for it, and what an enum may be."""

    name: str
    text: str
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        return cls(stored["name"], stored["text"], tuple(stored["options"]))

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "text": self.text, "options": list(self.options)}


def check_page(page: str) -> None:
    """Raise `TemplateInvalid` unless it is empty or the path of a page, without a query."""
    if not _PAGE.fullmatch(page):
        raise TemplateInvalid(
            reason_zh="页面须以pages/开头,不带参数",
            reason_en="a page begins with pages/ and has no query",
            field="page",
        )


def check_inbox(title: str, body: str, examples: Mapping[str, str]) -> None:
    """Raise `TemplateInvalid` unless both have words, of a sensible length, and speak of known values; a title has no
    room for a link.
    """
    for text, longest, field in ((title, TITLE_LONGEST, "title"), (body, BODY_LONGEST, "body")):
        if not text.strip() or len(text) > longest:
            raise TemplateInvalid(
                reason_zh=f"须有文字,最多{longest}个字",
                reason_en=f"it has words, at most {longest} characters",
                field=field,
            )
        _check_places(text, examples.keys() - LINK_VALUES if field == "title" else examples, field)


def check_entries(
    provider_template: str, entries: Sequence[Entry], style: FieldStyle, examples: Mapping[str, str]
) -> None:
    """Raise `TemplateInvalid` unless each field is one of the style and its text, with the example values, one the
    platform takes. What is fixed in a text must fit without being cut, and so must a link.
    """
    if not _PROVIDER_TEMPLATE.fullmatch(provider_template):
        raise TemplateInvalid(
            reason_zh="请填写平台的模板编号", reason_en="enter the platform's template id", field="providerTemplate"
        )
    if not 1 <= len(entries) <= MOST_ENTRIES or len({entry.name for entry in entries}) < len(entries):
        raise TemplateInvalid(
            reason_zh=f"须有1至{MOST_ENTRIES}个字段,不能重复",
            reason_en=f"it has 1 to {MOST_ENTRIES} fields, each once",
            field="entries",
        )
    for entry in entries:
        kind = kind_of(entry.name, style)
        if kind is None:
            raise _field_invalid(entry, "没有这类字段", "no field is called so")
        _check_places(entry.text, examples, "entries")
        places, text = places_in(entry.text), filled(entry.text, examples)
        if places & LINK_VALUES and len(places) > 1:
            raise _field_invalid(entry, "链接须单独占一个字段", "a link has a field of its own")
        fault = fault_in(kind, _cut(kind, entry, text) if places else text, entry.options)
        if fault is not None:
            raise _field_invalid(entry, *fault)


def fields_of(entries: Sequence[Entry], style: FieldStyle, values: Mapping[str, str]) -> dict[str, str]:
    """What a channel is sent, each value cut to its limit. Raises `TemplateInvalid` for one that cannot be."""
    told = {}
    for entry in entries:
        kind = kind_of(entry.name, style) or FieldKind.PARAMETER
        if not places_in(entry.text) <= values.keys():
            raise _field_invalid(entry, "消息里没有这个内容", "the message was made without this value")
        text = _cut(kind, entry, filled(entry.text, values))
        fault = fault_in(kind, text, entry.options)
        if fault is not None:
            raise _field_invalid(entry, *fault)
        told[entry.name] = text
    return told


def _cut(kind: FieldKind, entry: Entry, text: str) -> str:
    """As it is sent: half a link would lead nowhere."""
    return text if places_in(entry.text) & LINK_VALUES else fitted(kind, text)


def _check_places(text: str, known: Collection[str], field: str) -> None:
    unknown = sorted(places_in(text) - set(known))
    if unknown:
        raise TemplateInvalid(
            reason_zh=f"这种消息没有内容“{unknown[0]}”",
            reason_en=f"this kind of message has no value “{unknown[0]}”",
            field=field,
        )
    if set(filled(text, dict.fromkeys(known, ""))) & set("{}"):
        raise TemplateInvalid(
            reason_zh="花括号内只能写这种消息的内容名称",
            reason_en="braces hold nothing but the name of a value",
            field=field,
        )


def _field_invalid(entry: Entry, zh: str, en: str) -> TemplateInvalid:
    return TemplateInvalid(reason_zh=f"字段{entry.name}:{zh}", reason_en=f"field {entry.name}: {en}", field="entries")
