"""Without this module who may read what somebody wrote would be decided wherever it is shown."""

from __future__ import annotations

from enum import StrEnum

LONGEST = 2500
"""What a platform takes at once (protocols/wechat.md 4.1); every text of ours is shorter."""


class TextKind(StrEnum):
    """What residents write freely for others to read."""

    APPEAL_GROUNDS = "APPEAL_GROUNDS"
    REFUND_REMARK = "REFUND_REMARK"


ARGUMENTS = {TextKind.APPEAL_GROUNDS: "grounds", TextKind.REFUND_REMARK: "remark"}
"""In which argument each comes in, so that a refusal can name it."""


class TextStanding(StrEnum):
    """What is known of a text: by the platform, then by a person."""

    PASSED = "PASSED"
    REVIEW = "REVIEW"
    UNCHECKED = "UNCHECKED"
    APPROVED = "APPROVED"
    WITHHELD = "WITHHELD"


CLEAN = frozenset({TextStanding.PASSED, TextStanding.APPROVED})


def may_read(standing: TextStanding, *, is_writer: bool, is_staff: bool) -> bool:
    """Staff decide on what was written, so they read it until a person withholds it; others once it is clean."""
    if is_writer or standing in CLEAN:
        return True
    return is_staff and standing is not TextStanding.WITHHELD
