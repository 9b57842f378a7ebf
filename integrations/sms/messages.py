"""Without this module nothing would reach a resident whose apps are all silent."""

from __future__ import annotations

from datetime import timedelta

from app.kernel.logging import get_logger
from app.messages.ports import (
    Address,
    FieldStyle,
    Letter,
    Misconfigured,
    NotTaken,
    Outcome,
    Refused,
    Sent,
    Unsure,
)
from integrations.sms.api import SmsApi, SmsRefused, SmsSilent

_log = get_logger(__name__)

_NUMBER_REFUSED = frozenset({"NUMBER_INVALID", "NUMBER_UNSUBSCRIBED"})
_LATER = {429: timedelta(minutes=1), 503: None}


class SmsMessages:
    """`MessageChannel`: text messages by templates that the carrier has approved."""

    name_zh = "短信"
    name_en = "Text messages"
    address = Address.PHONE
    style = FieldStyle.PARAMETERS
    asks_consent = False

    def __init__(self, api: SmsApi) -> None:
        self._api = api

    async def send(self, letter: Letter) -> Outcome:
        """`reference` makes a repeat harmless at the gateway, so no answer is no loss; we ask once all the same."""
        content = {
            "reference": letter.reference,
            "mobile": letter.to,
            "template": letter.template,
            "parameters": dict(letter.fields),
        }
        try:
            told = await self._api.request("send", "POST", "/v1/messages", content)
        except SmsRefused as refused:
            return _verdict(refused)
        except SmsSilent as silence:
            _log.warning("the gateway is silent", cause=str(silence))
            # A repeat under the same reference is the same message there: it may be asked again.
            return NotTaken("no answer") if silence.outcome_unknown else NotTaken("not reached")
        number = told.get("id")
        return Sent(number[:100]) if isinstance(number, str) and number else Unsure("no number")


def _verdict(refused: SmsRefused) -> Outcome:
    if refused.status in _LATER:
        return NotTaken(refused.code, _LATER[refused.status])
    if refused.code in _NUMBER_REFUSED:
        return Refused(refused.code)
    _log.error("the gateway refused", code=refused.code)
    return Misconfigured(refused.code)
