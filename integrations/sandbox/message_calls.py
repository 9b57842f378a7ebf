"""Without this module tests could not tap "allow" on a phone, nor read what it was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from integrations.sandbox.calling import Caller, Reply, read, read_replies


@dataclass(frozen=True)
class SentMessage:
    """A subscribe message as the phone has it."""

    msgid: int
    openid: str
    template: str
    values: dict[str, str]
    page: str
    lang: str
    state: str
    at: float


class MessageControl(Caller):
    async def add_template(self, *keys: str, long_term: bool = False, title: str = "") -> str:
        """A template in the mini-program's own list; gives its id."""
        wanted = {"keys": list(keys), "long_term": long_term, "title": title}
        return str((await self._object("POST", "/wechat/templates", wanted))["id"])

    async def drop_template(self, template: str) -> None:
        await self._object("DELETE", f"/wechat/templates/{template}")

    async def message_door(self, state: str = "open", *, left: int | None = None) -> None:
        """`busy` answers -1 and `unauthorised` 48001 to everybody; `left` of the day's quota."""
        await self._object("POST", "/wechat/messages/door", {"state": state, "left": left})

    async def text_door(self, state: str = "open", *, left: int | None = None) -> None:
        """The same for the check of what users write."""
        await self._object("POST", "/wechat/texts/door", {"state": state, "left": left})

    async def leave_phone_alone(self, openid: str, seconds: float) -> None:
        """So long ago the mini-program was opened last on this phone."""
        await self._object("POST", f"/phones/{openid}/away", {"seconds": seconds})

    async def texts_judged(self, openid: str) -> list[dict[str, Any]]:
        """`{body, suggest, label, scene, trace_id}` of what this user wrote, oldest first; `body` as it was sent."""
        return await self._list("GET", f"/phones/{openid}/texts")

    async def alipay_texts_judged(self) -> list[dict[str, Any]]:
        """`{body, action, unique_id}` of what anybody wrote in Alipay, oldest first."""
        return await self._list("GET", "/alipay/texts")

    async def link_door(self, state: str = "open", *, left: int | None = None) -> None:
        """The same of URL links and mini-program codes."""
        await self._object("POST", "/wechat/links/door", {"state": state, "left": left})

    async def url_links(self, query: str = "") -> list[dict[str, Any]]:
        """`{url, path, query, version, made, expires}` of each that was made with this query, or of all."""
        found: list[dict[str, Any]] = await self._list("GET", "/wechat/links")
        return [one for one in found if query in {"", one["query"]}]

    async def set_console(self, url: str, *, format: str = "json") -> None:  # noqa: A002 - the console's word
        """Where message pushes go; refused when the address does not give the echo back."""
        await self._object("POST", "/wechat/console", {"url": url, "format": format})

    async def tap_allow(self, openid: str, *accepted: str, rejected: tuple[str, ...] = ()) -> dict[str, str]:
        """`wx.requestSubscribeMessage` on this phone; what the phone is told."""
        answers = {**dict.fromkeys(accepted, "accept"), **dict.fromkeys(rejected, "reject")}
        return dict(await self._object("POST", f"/phones/{openid}/subscribe", {"templates": answers}))

    async def switch_messages(self, openid: str, *names: str, on: bool) -> None:
        """The settings of the mini-program on this phone."""
        await self._object("POST", f"/phones/{openid}/settings", {"templates": list(names), "on": on})

    async def messages_on(self, openid: str) -> list[SentMessage]:
        """Oldest first."""
        return [read(SentMessage, one) for one in await self._list("GET", f"/phones/{openid}/messages")]

    async def accepts_on(self, openid: str) -> dict[str, int]:
        """How many accepts the platform still has for each template."""
        found: list[dict[str, Any]] = await self._list("GET", f"/phones/{openid}/agreements")
        return {one["template"]: one["left"] for one in found}

    async def report_message(
        self, msgid: int, *, mode: str = "normal", error_code: int = 0, error_status: str = "success", times: int = 1
    ) -> list[Reply]:
        """A late result of a message, pushed at once."""
        wanted = {"mode": mode, "times": times, "error_code": error_code, "error_status": error_status}
        return read_replies(await self._list("POST", f"/wechat/messages/{msgid}/report", wanted))

    async def push_event(
        self, openid: str, name: str, *entries: dict[str, str], mode: str = "normal", times: int = 1
    ) -> list[Reply]:
        wanted = {"mode": mode, "times": times, "name": name, "entries": list(entries)}
        return read_replies(await self._list("POST", f"/phones/{openid}/event", wanted))

    async def add_alipay_template(self, *keys: str, long_term: bool = False) -> str:
        """A template made in Alipay's console; gives its id."""
        wanted = {"keys": list(keys), "long_term": long_term}
        return str((await self._object("POST", "/alipay/templates", wanted))["id"])

    async def tap_allow_in_alipay(self, open_id: str, *accepted: str) -> None:
        """`my.requestSubscribeMessage` on this user's phone."""
        await self._object(
            "POST", f"/alipay/users/{open_id}/subscribe", {"templates": dict.fromkeys(accepted, "accept")}
        )

    async def alipay_messages(self, open_id: str) -> list[dict[str, Any]]:
        """`{template, values, page}` of each, oldest first."""
        return await self._list("GET", f"/alipay/users/{open_id}/messages")

    async def add_sms_template(self, text: str) -> str:
        """A sentence the carrier approved, with parameters in braces; gives its id."""
        return str((await self._object("POST", "/sms/templates", {"text": text}))["id"])

    async def sms_door(self, state: str = "open") -> None:
        """`closed` answers 503 and `busy` 429 to everybody."""
        await self._object("POST", "/sms/door", {"state": state})

    async def sms_number(self, mobile: str, *, unsubscribed: bool) -> None:
        await self._object("POST", f"/sms/numbers/{mobile}", {"unsubscribed": unsubscribed})

    async def text_messages(self, mobile: str) -> list[dict[str, Any]]:
        """`{id, reference, text}` of each to this number, oldest first."""
        return [one for one in await self._list("GET", "/sms/messages") if one["mobile"] == mobile]

    async def report_text(
        self,
        number: str,
        url: str,
        *,
        state: str = "DELIVERED",
        code: str = "",
        mode: str = "normal",
        times: int = 1,
    ) -> list[Reply]:
        """A delivery report, sent at once."""
        wanted = {"url": url, "state": state, "code": code, "mode": mode, "times": times}
        return read_replies(await self._list("POST", f"/sms/messages/{number}/report", wanted))
