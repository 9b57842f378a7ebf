"""Without this module a new database would take half a minute, most of it spent on models that nobody looks at.

Tortoise makes all models as they were before and after each operation, and prepares each of them to be queried.
An operation looks at one of them and at what that refers to, and our migrations ask no model anything: they speak SQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.operations import DIRECT_RELATION_FIELDS
from tortoise.migrations.schema_generator.state import ModelState, State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.models import Model

_Key = tuple[str, str]
_END = MigrationKey("", "")


class _Models(StateApps):
    """The models of a state, made when somebody looks at them, each after those it refers to."""

    def __init__(self, states: dict[_Key, ModelState], homes: dict[str, str]) -> None:
        super().__init__(default_connections=homes)
        self.homes = homes
        self._states = states

    def get_model(self, app_label: str, model_name: str | None = None) -> type[Model]:
        key = self.split_reference(app_label) if model_name is None else (app_label, model_name)
        self._make(key, set())
        self._init_relations()
        self._build_initial_querysets()
        return super().get_model(*key)

    def _make(self, key: _Key, begun: set[_Key]) -> None:
        if key in begun or key not in self._states or key[1] in self.apps.get(key[0], {}):
            return
        begun.add(key)
        for field in self._states[key].fields.values():
            if isinstance(field, DIRECT_RELATION_FIELDS):
                self._make(self.split_reference(field.model_name), begun)
        self.register_model(key[0], self._states[key].render(self))

    def _build_initial_querysets(self) -> None:
        for models in self.apps.values():
            for model in models.values():
                if model._meta._inited:  # noqa: SLF001 - as Tortoise's own, without filters and queries
                    model._meta.finalise_fields()  # noqa: SLF001
                    model._meta._resolve_index_expressions()  # noqa: SLF001


class _State(State):
    apps: _Models

    def clone(self) -> State:
        """Operations put other fields in the place of those there are, and models are made of copies."""
        models = {
            key: replace(model, options=dict(model.options), fields=dict(model.fields))
            for key, model in self.models.items()
        }
        return _State(models, _Models(models, self.apps.homes))

    def reload_model(self, app_label: str, model_name: str) -> None:
        self.reload_models([(app_label, model_name)])

    def reload_models(self, model_tuples: Iterable[_Key]) -> None:  # noqa: ARG002 - who refers to them changes with them
        self.apps.apps.clear()


def nothing(homes: dict[str, str]) -> State:
    """What there is before the first migration; `homes` names the connection of each app."""
    models: dict[_Key, ModelState] = {}
    return _State(models, _Models(models, homes))


class Executor(MigrationExecutor):
    """Tortoise's own, with states that cost what is used of them, forward and back."""

    async def _project_state(self, applied: set[MigrationKey], *, upto: MigrationKey | None = None) -> State:
        return (await self._project_state_cache(applied))[upto or _END]

    async def _project_state_cache(self, applied: set[MigrationKey]) -> dict[MigrationKey, State]:
        """The state before each migration that is applied, and at the end."""
        state = nothing(
            {label: home.get("default_connection", "default") for label, home in self.loader.apps_config.items()}
        )
        before = {}
        for key in self._full_plan():
            if key in applied and (migration := self.loader.graph.nodes[key]) is not None:
                before[key] = state.clone()
                await migration.apply(state, dry_run=True, schema_editor=None)
        return before | {_END: state}
