"""Without this module a list could grow until a phone gives up."""

from __future__ import annotations

import base64
from typing import Generic, TypeVar
from uuid import UUID

import strawberry

from app.kernel.errors import InvalidInput

T = TypeVar("T")

DEFAULT_PAGE = 20
LARGEST_PAGE = 50


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Edge(Generic[T]):
    node: T
    cursor: str


@strawberry.type
class Connection(Generic[T]):
    edges: list[Edge[T]]
    page_info: PageInfo


def connection_of(nodes: list[tuple[T, str]], *, has_more: bool) -> Connection[T]:
    """A page of nodes, each with the position after which the next page goes on."""
    edges = [Edge(node=node, cursor=_encoded(position)) for node, position in nodes]
    return Connection(
        edges=edges, page_info=PageInfo(has_next_page=has_more, end_cursor=edges[-1].cursor if edges else None)
    )


def page_size(first: int | None) -> int:
    """`first` within 1 and 50; 20 when it is not given. Raises `InvalidInput`."""
    if first is None:
        return DEFAULT_PAGE
    if not 1 <= first <= LARGEST_PAGE:
        raise InvalidInput(
            field="first",
            reason_zh=f"每页1至{LARGEST_PAGE}条",
            reason_en=f"a page has 1 to {LARGEST_PAGE} entries",
        )
    return first


def offset_after(cursor: str | None) -> int:
    """The offset a cursor of an offset-paged list stands for. Raises `InvalidInput`."""
    if cursor is None:
        return 0
    text = _decoded(cursor)
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise _bad_cursor()
    return int(text) + 1


def key_after(cursor: str | None) -> UUID | None:
    """The key a cursor of a key-paged list stands for. Raises `InvalidInput`."""
    if cursor is None:
        return None
    try:
        return UUID(_decoded(cursor))
    except ValueError:
        raise _bad_cursor() from None


def number_after(cursor: str | None) -> int | None:
    """The number a cursor of a list paged by number stands for. Raises `InvalidInput`."""
    if cursor is None:
        return None
    text = _decoded(cursor)
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise _bad_cursor()
    return int(text)


def _encoded(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _decoded(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        raise _bad_cursor() from None


def _bad_cursor() -> InvalidInput:
    return InvalidInput(field="after", reason_zh="翻页位置无效,请从头查看", reason_en="the cursor is not one of ours")
