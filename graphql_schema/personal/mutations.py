"""Without this module nobody could take their data along, or leave."""

from __future__ import annotations

import strawberry

from app.identity import closing, exporting
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, mutation
from graphql_schema.personal.types import Closing, ClosingResult, ExportedData, ExportResult


@strawberry.type
class PersonalMutation:
    @mutation(RESIDENTS, "导出个人信息 · Write down everything held of me, opened; five times a day at most.")
    async def export_my_data(self, info: Info) -> ExportResult:
        return ExportedData.of(await exporting.export_all(info.context.actor))

    @mutation(RESIDENTS, "注销账号 · Close my account, or learn what stands in the way; at first only a rehearsal.")
    async def close_my_account(self, info: Info, dry_run: bool = True) -> ClosingResult:
        return Closing.of(await closing.close_account(info.context.actor, dry_run=dry_run), info)
