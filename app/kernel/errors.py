"""Without this module a refusal would be an exception trace instead of a sentence the resident can act on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self
from uuid import UUID


@dataclass(frozen=True)
class Alternative:
    """Something that would work instead of what was refused: its id, and what it is in words."""

    id: UUID
    zh: str
    en: str


class Refusal(Exception):
    """An expected "no": a stable code and one sentence in Chinese and English.

    A subclass names the situation (`SlotFull`) and fills in `code`, `zh` and `en`; the sentences may use the
    keyword values given at the raise as `{placeholders}`. `suggestion` is the id of what would work instead,
    `alternatives` are several such things, `ways` are codes of what would open the way; each best first.
    """

    code: ClassVar[str]
    zh: ClassVar[str]
    en: ClassVar[str]
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        *,
        field: str | None = None,
        retry_after_seconds: int | None = None,
        suggestion: UUID | None = None,
        ways: Sequence[str] = (),
        alternatives: Sequence[Alternative] = (),
        **values: object,
    ) -> None:
        self.field = field
        self.retry_after_seconds = retry_after_seconds
        self.alternatives = tuple(alternatives)
        self.suggestion = suggestion or (alternatives[0].id if alternatives else None)
        self.ways = tuple(ways)
        self.values = values
        super().__init__(self.sentence("en"))

    def again(self) -> Self:
        """The same refusal for somebody else: a raised one carries the trace of where it was raised."""
        other = type(self).__new__(type(self), *self.args)
        vars(other).update(vars(self))
        return other

    def sentence(self, language: str) -> str:
        template = self.en if language.startswith("en") else self.zh
        return template.format(**self.values)


class NotSignedIn(Refusal):
    code = "SIGN_IN_REQUIRED"
    zh = "请先登录"
    en = "Please sign in first."


class NotAllowed(Refusal):
    code = "NOT_ALLOWED"
    zh = "您没有办理此操作的权限,请由有权限的人员办理"
    en = "You are not allowed to do this; leave it to somebody who is."


class ActingForAnother(Refusal):
    code = "ACTING_FOR_ANOTHER"
    zh = "这件事只能由本人为自己办理,请先切换回本人"
    en = "Nobody can do this for another person; switch back to yourself first."


class NotFound(Refusal):
    code = "NOT_FOUND"
    zh = "没有找到{what_zh},请核对后再试"
    en = "No such {what_en}; please check and try again."


class InvalidInput(Refusal):
    code = "INVALID_INPUT"
    zh = "填写的内容有误:{reason_zh}"
    en = "The input is not valid: {reason_en}."


class IllegalMove(Refusal):
    code = "ILLEGAL_MOVE"
    zh = "当前状态为“{state_zh}”,不能执行此操作,请刷新后再看"
    en = "This cannot be done in the state “{state_en}”; please refresh."

    def __init__(self, state: str, words: tuple[str, str] | None = None) -> None:
        """`words` are what people call the state, in Chinese and English."""
        state_zh, state_en = words or (state, state)
        super().__init__(state_zh=state_zh, state_en=state_en)


class IdempotencyKeyReused(Refusal):
    code = "IDEMPOTENCY_KEY_REUSED"
    zh = "同一个请求编号被用于不同的内容,请换一个新的编号"
    en = "This idempotency key was already used for another request; use a new one."


class TooManyRequests(Refusal):
    code = "TOO_MANY_REQUESTS"
    zh = "操作过于频繁,请在{retry_after}秒后再试"
    en = "Too many requests; try again in {retry_after} seconds."
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after=retry_after, retry_after_seconds=retry_after)


class ProviderUnavailable(Refusal):
    """The other side did not answer, or not usably. The technical cause is in the log."""

    code = "PROVIDER_UNAVAILABLE"
    zh = "{service_zh}暂时没有响应,请稍后重试,您的办理进度不受影响"
    en = "{service_en} is not answering at the moment; please try again shortly, nothing was lost."
    retryable = True


class PleaseRetry(Refusal):
    """The database went away in the middle. Whether the write was done is not known: its key will tell."""

    code = "PLEASE_RETRY"
    zh = "系统正在恢复,请稍候几秒再试一次;重复提交不会重复办理"
    en = "The system is recovering; please try again in a few seconds. Sending it again does nothing twice."
    retryable = True

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=2)


def every_refusal() -> Iterator[type[Refusal]]:
    """All named situations, for `docs/errors.md` and for the test that codes are unique."""
    pending = [Refusal]
    while pending:
        for kind in pending.pop().__subclasses__():
            pending.append(kind)
            if "code" in vars(kind):
                yield kind
