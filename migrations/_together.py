"""Without this module a new database would take half a minute: Tortoise copies every model for each operation."""

from copy import deepcopy

from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.migrations.exceptions import IncompatibleStateError
from tortoise.migrations.operations import AddField, TortoiseOperation


class AddFields(TortoiseOperation):
    """Several `AddField` in a row as one operation: the same columns in the same order, one copy of the models."""

    def __init__(self, *additions: AddField) -> None:
        self.additions = additions

    def describe(self) -> str:
        return "; ".join(addition.describe() for addition in self.additions)

    def state_forward(self, app_label, state):
        reload = set()
        for addition in self.additions:
            model = self.get_model_state(state, app_label, addition.model_name)
            if addition.name in model.fields:
                raise IncompatibleStateError(f"Field {addition.name} already present on {addition.model_name}")
            model.fields[addition.name] = deepcopy(addition.field)
            reload.add((app_label, addition.model_name))
            if isinstance(addition.field, ForeignKeyFieldInstance):
                reload.add(state.apps.split_reference(addition.field.model_name))
        state.reload_models(reload)

    async def database_forward(self, app_label, old_state, new_state, state_editor=None):
        for addition in self.additions:
            await addition.database_forward(app_label, old_state, new_state, state_editor)

    async def database_backward(self, app_label, old_state, new_state, state_editor=None):
        for addition in reversed(self.additions):
            await addition.database_backward(app_label, old_state, new_state, state_editor)
