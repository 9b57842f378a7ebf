"""Without this module wechatpy's catalogue of mini-program endpoints would block the event loop.

`WeChatClient` keeps the endpoints; this subclass replaces its transport, its token handling (which uses the
legacy endpoint and repeats without end) and its exceptions (whose text holds the secret).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from wechatpy.client import WeChatClient

from app.kernel.http import Answer, OutboundClient, ProviderSilent
from app.kernel.logging import get_logger
from integrations.wechat.settings import WechatSettings
from integrations.wechat.tokens import PROVIDER, StableToken, unavailable

_log = get_logger(__name__)

BUSY = -1
_TOKEN_REJECTED = frozenset({40001, 40014, 42001})
_WITHOUT_TOKEN = frozenset({"/sns/jscode2session"})
_BUSY_WAIT = 0.3


class WechatRefused(Exception):
    """A non-zero `errcode`. `errmsg` stays out of the text: only its `rid` is kept, for WeChat's support."""

    def __init__(self, operation: str, errcode: int, rid: str) -> None:
        super().__init__(f"{operation}: errcode {errcode}")
        self.operation = operation
        self.errcode = errcode
        self.rid = rid


class MiniProgramApi(WeChatClient):  # type: ignore[misc]  # wechatpy has no types; the typed face is below
    """The mini-program server API, asynchronous: what wechatpy returns from any `client.wxa.*` can be awaited.

    Raises `WechatRefused` for an errcode and `ProviderUnavailable` when there is no usable answer.
    """

    def __init__(self, http: OutboundClient, settings: WechatSettings, token: StableToken) -> None:
        super().__init__(settings.app_id, settings.app_secret.get_secret_value(), auto_retry=False)
        self._out = http
        self._base = settings.api_base_url
        self._stable_token = token

    async def code_to_session(self, code: str) -> dict[str, Any]:
        """Mini-program server API, "code2Session"."""
        return _mapping(await self.wxa.code_to_session(code))

    async def call(self, path: str, content: Mapping[str, Any], *, may_repeat: bool = False) -> dict[str, Any]:
        """POST to an endpoint younger than wechatpy's catalogue."""
        return _mapping(await self._request("post", path, data=dict(content), api_base_url="", may_repeat=may_repeat))

    async def picture(self, path: str, content: Mapping[str, Any]) -> bytes:
        """POST to an endpoint that answers with a picture, or in JSON with what is wrong."""
        image = await self._request("post", path, data=dict(content), api_base_url="", is_picture=True)
        if not isinstance(image, bytes):
            raise unavailable(f"{path}: no picture")
        return image

    async def _request(self, method: str, url_or_endpoint: str, **kwargs: Any) -> object:
        """What every method of the catalogue ends in. A refused token is replaced and a busy platform asked
        again, each once.
        """
        base = str(kwargs.get("api_base_url", self.API_BASE_URL))
        absolute = url_or_endpoint.startswith(("https://", "http://"))
        path = urlsplit(url_or_endpoint if absolute else base + url_or_endpoint).path
        operation = path.rpartition("/")[2]
        params = dict(kwargs.get("params") or {})
        content = None if kwargs.get("data") is None else orjson.dumps(kwargs["data"])
        may_repeat = bool(kwargs.get("may_repeat"))
        replaced = asked_again = False
        if path not in _WITHOUT_TOKEN:
            params["access_token"] = await self._stable_token.get()
        while True:
            answer = await self._ask(operation, method, path, params, content, may_repeat=may_repeat)
            if kwargs.get("is_picture") and answer.status == 200 and not answer.body.lstrip().startswith(b"{"):
                return answer.body
            result = _read(operation, answer)
            errcode = _errcode(result)
            if errcode == 0:
                process = kwargs.get("result_processor")
                return process(result) if process else result
            if errcode == BUSY and not asked_again:
                asked_again = True
                await asyncio.sleep(_BUSY_WAIT)
            elif errcode in _TOKEN_REJECTED and "access_token" in params and not replaced:
                replaced = True
                params["access_token"] = await self._stable_token.replace(params["access_token"])
            else:
                raise WechatRefused(operation, errcode, _rid(result))

    async def _ask(
        self,
        operation: str,
        method: str,
        path: str,
        params: Mapping[str, str],
        content: bytes | None,
        *,
        may_repeat: bool,
    ) -> Answer:
        url = f"{self._base}{path}" + (f"?{urlencode(params)}" if params else "")
        headers = {"Content-Type": "application/json"} if content is not None else {}
        try:
            return await self._out.send(
                PROVIDER, operation, method.upper(), url, headers=headers, content=content, may_repeat=may_repeat
            )
        except ProviderSilent as silence:
            _log.warning("wechat is silent", operation=operation, cause=str(silence))
            raise unavailable(str(silence), outcome_unknown=silence.outcome_unknown) from None


def _read(operation: str, answer: Answer) -> dict[str, Any]:
    """JSON APIs answer HTTP 200 with a JSON object, whatever happened."""
    try:
        result = orjson.loads(answer.body)
    except ValueError:
        result = None
    if answer.status != 200 or not isinstance(result, dict):
        _log.warning("wechat's answer is not usable", operation=operation, status=answer.status)
        raise unavailable(f"{operation}: not a usable answer", outcome_unknown=True)
    return result


def _errcode(result: Mapping[str, Any]) -> int:
    """Success may leave `errcode` out altogether; one that is not a number is no success."""
    try:
        return int(result.get("errcode") or 0)
    except (TypeError, ValueError):
        raise unavailable("errcode is not a number", outcome_unknown=True) from None


def _rid(result: Mapping[str, Any]) -> str:
    return str(result.get("errmsg", "")).rpartition("rid:")[2].strip()[:40]


def _mapping(result: object) -> dict[str, Any]:
    assert isinstance(result, dict)
    return result
