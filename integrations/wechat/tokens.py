"""Without this module every process would ask WeChat for an access token of its own, and all at once.

Mini-program server API, "getStableAccessToken", normal mode: a repeated call gives the same token while it is
valid, so sharing saves quota and nothing else; that is why losing Redis is no fault here.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

import orjson

from app.kernel.errors import ProviderUnavailable
from app.kernel.http import OutboundClient, ProviderSilent
from app.kernel.logging import get_logger
from app.kernel.redis import RedisLost, redis
from integrations.wechat.settings import WechatSettings

_log = get_logger(__name__)

PROVIDER = "wechat"
_EARLY = 300
"""WeChat renews inside the last five minutes and honours both tokens meanwhile."""
_LOCK_MS = 10_000
_WAIT_STEPS = 25
_WAIT_SECONDS = 0.2
_DELETE_IF_EQUAL = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class WechatSilent(ProviderUnavailable):
    """No usable answer. `outcome_unknown` says that the request may have taken effect there."""

    outcome_unknown = False


def unavailable(cause: str, *, outcome_unknown: bool = False) -> WechatSilent:
    """The resident reads a sentence, the operator the cause: it is a note, and never holds a secret."""
    refusal = WechatSilent(service_zh="微信", service_en="WeChat")
    refusal.outcome_unknown = outcome_unknown
    refusal.add_note(cause)
    return refusal


class StableToken:
    """The access token of one mini-program, shared over Redis; alone while Redis is lost."""

    def __init__(self, http: OutboundClient, settings: WechatSettings) -> None:
        self._http = http
        self._settings = settings
        self._shared = f"wechat:token:{settings.app_id}"
        self._lock = f"wechat:token-lock:{settings.app_id}"
        self._alone = asyncio.Lock()
        self._own: str | None = None
        self._own_until = 0.0

    async def get(self) -> str:
        """A token that should be valid. Raises `ProviderUnavailable`."""
        try:
            return await self._shared_token() or await self._share_new()
        except RedisLost:
            _log.warning("access token without Redis", provider=PROVIDER)
            return await self._get_alone()

    async def ask_now(self) -> None:
        """Have WeChat confirm our appid and secret, whatever is cached; in normal mode that changes nothing."""
        await self._fetch()

    async def replace(self, rejected: str) -> str:
        """Forget a token WeChat rejected, unless somebody already replaced it, and get the present one."""
        if self._own == rejected:
            self._own = None
        try:
            await redis().eval(_DELETE_IF_EQUAL, 1, self._shared, rejected)
        except RedisLost:
            _log.warning("access token without Redis", provider=PROVIDER)
        return await self.get()

    async def _share_new(self) -> str:
        """One process asks, the others wait for what it finds; after five seconds everybody asks."""
        mine = secrets.token_hex(8)
        for _ in range(_WAIT_STEPS):
            if await redis().set(self._lock, mine, nx=True, px=_LOCK_MS):
                try:
                    return await self._shared_token() or await self._fetch_and_share()
                finally:
                    await redis().eval(_DELETE_IF_EQUAL, 1, self._lock, mine)
            await asyncio.sleep(_WAIT_SECONDS)
            if found := await self._shared_token():
                return found
        return await self._fetch_and_share()

    async def _shared_token(self) -> str | None:
        found = await redis().get(self._shared)
        return str(found) if found else None

    async def _fetch_and_share(self) -> str:
        token, seconds = await self._fetch()
        self._remember(token, seconds)
        await redis().set(self._shared, token, ex=seconds)
        return token

    async def _get_alone(self) -> str:
        async with self._alone:
            if self._own is None or time.monotonic() >= self._own_until:
                self._remember(*await self._fetch())
            assert self._own is not None
            return self._own

    def _remember(self, token: str, seconds: int) -> None:
        self._own, self._own_until = token, time.monotonic() + seconds

    async def _fetch(self) -> tuple[str, int]:
        question = {
            "grant_type": "client_credential",
            "appid": self._settings.app_id,
            "secret": self._settings.app_secret.get_secret_value(),
            "force_refresh": False,
        }
        url = f"{self._settings.api_base_url}/cgi-bin/stable_token"
        try:
            answer = await self._http.send(
                PROVIDER,
                "stable_token",
                "POST",
                url,
                headers={"Content-Type": "application/json"},
                content=orjson.dumps(question),
                may_repeat=True,
            )
        except ProviderSilent as silence:
            _log.warning("no access token", provider=PROVIDER, cause=str(silence))
            raise unavailable(str(silence)) from None
        told = _object(answer.body)
        token, seconds = told.get("access_token"), told.get("expires_in")
        if not isinstance(token, str) or not token or type(seconds) is not int:
            cause = f"stable_token: status {answer.status}, errcode {told.get('errcode')}"
            _log.error("no access token", provider=PROVIDER, cause=cause)
            raise unavailable(cause)
        return token, max(seconds - _EARLY, 1)


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
