"""Without this module a newcomer would have a running system and nothing to look at (development only)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any

from graphql import (
    GraphQLSyntaxError,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    TypeNode,
    parse,
)
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.http import open_to

_PAGES = Path(__file__).parent / "pages"
_GRAPHIQL_PACKAGE = "graphene_django_graphiql_static"
_GRAPHIQL_FILES = frozenset(
    {"graphiql.min.css", "graphiql.min.js", "react.production.min.js", "react-dom.production.min.js"}
)
_OWN_FILES = frozenset({"home.css", "graphiql.css", "graphiql.js"})
_EXAMPLES: dict[str, Any] = {"Int": 0, "Float": 0.0, "Boolean": False, "String": "", "ID": ""}


@dataclass(frozen=True)
class StaffAccount:
    """A member of staff who exists in development only, with what is typed to sign in as them."""

    role: str
    name: str
    login: str
    password: str


def home_routes(*, staff: Sequence[StaffAccount], sandbox_url: str, operations: Path) -> list[Route]:
    """The start page, GraphiQL with one tab per step of the journey in the folder `operations`, and their files."""

    @open_to("developers")
    async def home(_request: Request) -> Response:
        accounts = "".join(_account_row(account) for account in staff)
        return _page("home.html", accounts=accounts, sandbox_url=escape(sandbox_url, quote=True))

    @open_to("developers")
    async def graphiql(_request: Request) -> Response:
        tabs = list(_tabs(operations))
        digest = hashlib.sha256(json.dumps(tabs).encode()).hexdigest()[:12]
        content = json.dumps({"tabs": tabs, "digest": digest}, ensure_ascii=False).replace("<", "\\u003c")
        return _page("graphiql.html", content=content)

    return [
        Route("/", home, methods=["GET"]),
        Route("/graphiql", graphiql, methods=["GET"]),
        Route("/pages/{name}", page_file, methods=["GET"]),
    ]


@open_to("developers")
async def page_file(request: Request) -> Response:
    """A script or style sheet of ours or of GraphiQL, which is installed, not fetched from the internet."""
    name = request.path_params["name"]
    if name in _OWN_FILES:
        return FileResponse(_PAGES / name, headers={"cache-control": "no-cache"})
    package = find_spec(_GRAPHIQL_PACKAGE)
    if name in _GRAPHIQL_FILES and package is not None and package.origin is not None:
        return FileResponse(Path(package.origin).parent / "static" / _GRAPHIQL_PACKAGE / name)
    return PlainTextResponse("Not Found", 404)


def _page(name: str, **values: str) -> Response:
    template = Template((_PAGES / name).read_text(encoding="utf-8"))
    return HTMLResponse(template.substitute(values), headers={"cache-control": "no-store"})


def _account_row(account: StaffAccount) -> str:
    codes = (account.role, account.login, account.password)
    cells = "".join(f"<td><code>{escape(code)}</code></td>" for code in codes)
    return f"<tr><td>{escape(account.name)}</td>{cells}</tr>"


def _tabs(operations: Path) -> Iterable[dict[str, str]]:
    documents = [path.read_text(encoding="utf-8") for path in sorted(operations.glob("*.graphql"))]
    for document in sorted(filter(_step, documents), key=_step):
        variables = json.dumps(_variables(document), ensure_ascii=False, indent=2)
        yield {"query": document, "variables": variables}


def _step(document: str) -> tuple[int, ...]:
    """The place in the journey that a document's first line names (`# 3.1 …`); empty for the others."""
    named = re.match(r"#\s*(\d+(?:\.\d+)*)", document)
    return tuple(map(int, named.group(1).split("."))) if named else ()


def _variables(document: str) -> dict[str, Any]:
    """The document's own example (`# 例 e.g. {…}`), otherwise empty values for what it requires."""
    example = re.search(r"^# 例 e\.g\. (\{.*\})$", document, re.MULTILINE)
    return json.loads(example.group(1)) if example else _example_variables(document)


def _example_variables(document: str) -> dict[str, Any]:
    """Every required variable of the document's operations with an empty value of its type."""
    try:
        definitions = parse(document).definitions
    except GraphQLSyntaxError:
        return {}
    return {
        variable.variable.name.value: _example(variable.type.type)
        for definition in definitions
        if isinstance(definition, OperationDefinitionNode)
        for variable in definition.variable_definitions or ()
        if isinstance(variable.type, NonNullTypeNode)
    }


def _example(kind: TypeNode) -> Any:
    if isinstance(kind, ListTypeNode):
        return []
    return _EXAMPLES.get(kind.name.value, {}) if isinstance(kind, NamedTypeNode) else None
