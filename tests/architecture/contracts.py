"""The import contracts of `pyproject.toml`, held against the real imports or against imagined ones."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import grimp
from importlinter.api import read_configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract

ROOT = Path(__file__).parents[2]
_KINDS: dict[str, type[LayersContract | ForbiddenContract | IndependenceContract]] = {
    "layers": LayersContract,
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
}


@cache
def configuration() -> dict[str, Any]:
    return read_configuration(str(ROOT / "pyproject.toml"))


@cache
def _imports() -> grimp.ImportGraph:
    return grimp.build_graph(
        *configuration()["session_options"]["root_packages"], include_external_packages=True, cache_dir=None
    )


def contract_ids() -> list[str]:
    return [contract["id"] for contract in configuration()["contracts_options"]]


def broken_by(*lines: tuple[str, str]) -> list[str]:
    """The ids of the contracts that break when these imports (who, whom) are added to those of the tree."""
    graph = deepcopy(_imports())
    for importer, imported in lines:
        for module in (importer, imported):
            if module not in graph.modules:
                graph.add_module(module, is_squashed="." not in module)
        graph.add_import(importer=importer, imported=imported, line_number=1, line_contents=f"import {imported}")
    return [options["id"] for options in configuration()["contracts_options"] if not _is_kept(options, graph)]


def _is_kept(options: dict[str, Any], graph: grimp.ImportGraph) -> bool:
    contract = _KINDS[options["type"]](
        name=options["name"], session_options=configuration()["session_options"], contract_options=options
    )
    return bool(contract.check(deepcopy(graph), verbose=False).kept)


def layers() -> list[list[str]]:
    """The layers from top to bottom; the modules of one layer do not know each other."""
    [contract] = [options for options in configuration()["contracts_options"] if options["id"] == "layers"]
    return [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]
