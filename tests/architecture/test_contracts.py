from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.contracts import ROOT, broken_by, configuration, contract_ids, layers

VIOLATIONS = [
    pytest.param("layers", "app.kernel.db", "app.identity.models", id="the kernel knows a domain"),
    pytest.param("layers", "app.cases.commands", "app.payments.commands", id="a lower domain calls who reacts"),
    pytest.param("layers", "app.payments.commands", "app.delivery.queries", id="siblings talk"),
    pytest.param("layers", "app.queueing.commands", "app.payments.queries", id="other siblings talk"),
    pytest.param("layers", "app.delivery.commands", "app.live.queries", id="who is told of calls who tells"),
    pytest.param("layers", "app.cases.queries", "graphql_schema.context", id="a domain knows GraphQL"),
    pytest.param("layers", "app.http.callbacks", "app.wiring", id="the edge knows the wiring"),
    pytest.param("layers", "app.main", "app.worker", id="one process knows another"),
    pytest.param("pure", "app.payments.rules", "tortoise", id="rules read rows"),
    pytest.param("pure", "app.cases.rules", "app.cases.models", id="rules reach the tables through a model"),
    pytest.param("pure", "app.booking.errors", "starlette", id="errors know HTTP"),
    pytest.param("pure", "app.delivery.events", "app.kernel.db", id="events carry rows"),
    pytest.param("pure", "app.identity.rules", "app.kernel.ratelimit", id="rules reach Redis through the kernel"),
    pytest.param("resolvers", "graphql_schema.cases.queries", "tortoise", id="a resolver builds a query"),
    pytest.param("resolvers", "graphql_schema.payments.mutations", "httpx", id="a resolver asks a provider"),
    pytest.param("resolvers", "graphql_schema.endpoint", "redis", id="the endpoint asks Redis"),
    pytest.param("adapters", "integrations.wechat.payments", "app.payments.commands", id="an adapter settles"),
    pytest.param("adapters", "integrations.kuaidi100.delivery", "app.delivery.models", id="an adapter saves rows"),
    pytest.param("adapters", "integrations.wechat.identity", "app.identity.sessions", id="an adapter signs in"),
    pytest.param("providers", "integrations.kuaidi100.api", "integrations.wechat.api", id="providers talk"),
    pytest.param("providers", "integrations.wechat.pay_keys", "integrations.sandbox.keys", id="keys are shared"),
    pytest.param("sdks", "app.identity.commands", "wechatpy", id="a domain uses an SDK"),
    pytest.param("sdks", "integrations.kuaidi100.pushes", "wechatpy", id="a carrier uses another's SDK"),
    pytest.param("sandbox", "integrations.sandbox.keys", "app.kernel.privacy", id="the sandbox uses our crypto"),
    pytest.param("wiring", "app.payments.commands", "integrations.wechat.payments", id="a domain names a provider"),
    pytest.param("wiring", "app.dev.stack", "integrations.sandbox.main", id="the product plays the sandbox"),
]


def test_the_tree_keeps_every_contract() -> None:
    assert broken_by() == []


@pytest.mark.parametrize(("contract", "importer", "imported"), VIOLATIONS)
def test_a_violation_is_caught(contract: str, importer: str, imported: str) -> None:
    """One added import, and the contract that forbids it breaks."""
    assert contract in broken_by((importer, imported))


def test_every_contract_has_a_violation_above() -> None:
    assert {contract for parameters in VIOLATIONS for contract in parameters.values[:1]} == set(contract_ids())


def test_what_the_contracts_are_not_about_stays_allowed() -> None:
    """A domain calls a lower one, reacts to its facts, and adapters fulfil ports."""
    assert (
        broken_by(
            ("app.payments.commands", "app.identity.commands"),
            ("app.delivery.tasks", "app.cases.events"),
            ("integrations.kuaidi100.delivery", "app.payments.ports"),
            ("integrations.kuaidi100.delivery", "app.kernel.ratelimit"),
            ("graphql_schema.queueing.types", "app.identity.models"),
        )
        == []
    )


def test_every_module_of_the_product_has_its_layer() -> None:
    """A new domain that nobody put into the layers would be free to import anything."""
    placed = {name for layer in layers() for name in layer}
    modules = {
        f"app.{path.stem}"
        for path in (ROOT / "app").iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").is_file()
    }
    assert modules <= placed, f"name them in the layers contract of pyproject.toml: {sorted(modules - placed)}"


def test_the_command_line_reports_a_violation_and_fails(tmp_path: Path) -> None:
    """The same on a copy of the tree with one bad line inside a function, by the command `make check` runs."""
    for package in configuration()["session_options"]["root_packages"]:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=lambda _, names: [n for n in names if n == "seed"])
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    guilty = tmp_path / "app" / "booking" / "commands.py"
    guilty.write_text(guilty.read_text() + "\n\ndef late() -> None:\n    import app.payments.commands\n")

    linted = subprocess.run(  # noqa: S603 - the linter itself
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert linted.returncode == 1
    assert "Down by call, up by fact, never sideways BROKEN" in linted.stdout
    assert "7 kept, 1 broken" in linted.stdout
    assert "app.booking.commands -> app.payments.commands" in linted.stdout
