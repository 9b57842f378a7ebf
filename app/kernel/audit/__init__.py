"""Without this package nobody could answer who saw or did what (网络安全法 21, GB/T 22239 level three).

`record` writes a line in the transaction of the act: an act that cannot be written down is not done. `lines` has the
tables, `encoding` what a line's MAC and hash are made of, `chaining` links the lines afterwards, `verifying` walks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.audit.encoding import MAC_PURPOSE, canonical_of
from app.kernel.audit.lines import AuditLine
from app.kernel.logging import current_request_id
from app.kernel.privacy import key_ring

__all__ = ["AuditLine", "record"]

_NEXT_ID = "SELECT nextval('audit_line_id_seq') AS id"


async def record(
    actor: Actor,
    act: str,
    subject: str,
    *,
    result: str = "done",
    detail: Mapping[str, Any] | None = None,
    person: UUID | None = None,
) -> None:
    """Write one line, in the caller's transaction when there is one. `detail` never holds personal data.

    `person` is whose matter or data it is; it need not be said when a resident is acting. The id is taken first,
    so that the MAC covers it and no line can be copied.
    """
    [taken] = await db.rows(_NEXT_ID)
    line = AuditLine(
        id=taken["id"],
        at=clock.now(),
        actor=actor.reference,
        act=act,
        subject=subject,
        result=result,
        detail=dict(detail or {}),
        request_id=current_request_id(),
        person=person or (actor.resident_id() if actor.kind is ActorKind.RESIDENT else None),
    )
    line.mac = key_ring().sign(MAC_PURPOSE, canonical_of(line))
    await line.save(force_create=True)
