"""Without this module a new database would take half a minute, most of it spent on queries that nobody asks.

Tortoise keeps the models as they were before and after each operation, and prepares each of them anew to be queried.
Our migrations speak SQL: they ask no model anything, and few of them look at what was before.
"""

from __future__ import annotations

from functools import cached_property

from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.schema_generator.state import ModelState, State
from tortoise.migrations.schema_generator.state_apps import StateApps


class _Models(StateApps):
    def _build_initial_querysets(self) -> None:
        for models in self.apps.values():
            for model in models.values():
                if model._meta._inited:  # noqa: SLF001 - as Tortoise's own, without filters and queries
                    model._meta.finalise_fields()  # noqa: SLF001
                    model._meta._resolve_index_expressions()  # noqa: SLF001


class _Before(State):
    """What was before an operation; its models are made when somebody looks at them."""

    def __init__(self, models: dict[tuple[str, str], ModelState], empty: StateApps) -> None:
        self.models, self._empty = models, empty

    @cached_property
    def apps(self) -> StateApps:  # type: ignore[override]
        return self._empty.clone(model_states=self.models)


class _Now(State):
    def clone(self) -> State:
        return _Before({key: model.clone() for key, model in self.models.items()}, self.apps)


class Executor(MigrationExecutor):
    """Tortoise's own, with states that cost what is used of them; for going forward."""

    async def _project_state(self, applied: set[MigrationKey], *, upto: MigrationKey | None = None) -> State:
        homes = {
            label: config.get("default_connection", "default") for label, config in self.loader.apps_config.items()
        }
        state = _Now(models={}, apps=_Models(default_connections=homes))
        for key in self._full_plan():
            if key == upto:
                break
            if key in applied and (migration := self.loader.graph.nodes[key]) is not None:
                await migration.apply(state, dry_run=True, schema_editor=None)
        return state
