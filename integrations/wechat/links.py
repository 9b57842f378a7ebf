"""Without this module nothing outside WeChat could lead into our mini-program."""

from __future__ import annotations

from datetime import timedelta

from app.kernel.errors import ProviderUnavailable
from app.kernel.logging import get_logger
from app.links.ports import Picture
from integrations.wechat.api import BUSY, MiniProgramApi, WechatRefused
from integrations.wechat.tokens import unavailable

_log = get_logger(__name__)

_VERSIONS = {"formal": "release", "trial": "trial", "developer": "develop"}
_RELATIVE = 1
_WAITS = {BUSY: 5, 44990: 1, 45009: 60, 45011: 60}
"""Seconds after which an errcode may be another: busy, too many a second, a quota, too many a minute."""

_JPEG, _PNG = (b"\xff\xd8\xff", b"\xff\xd9"), (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82")
"""How a whole picture begins and ends."""


class WechatLinks:
    """`AppOpener` and `AppCodes`: URL links and mini-program codes (protocols/wechat.md 5)."""

    browser_mark = "MicroMessenger"
    good_for = timedelta(days=29)

    def __init__(self, api: MiniProgramApi, state: str) -> None:
        self._api = api
        self._version = _VERSIONS[state]

    async def address(self, page: str, query: str) -> str:
        """Mini-program server API, "generateUrlLink": by whomever it is opened, thirty days at most."""
        content = {
            "path": page,
            "query": query,
            "is_expire": True,
            "expire_type": _RELATIVE,
            "expire_interval": self.good_for.days,
            "env_version": self._version,
        }
        try:
            link = (await self._api.call("/wxa/generate_urllink", content)).get("url_link")
        except WechatRefused as refused:
            raise _refusal(refused) from None
        if not isinstance(link, str) or not link.startswith(("https://", "http://")) or not link.isprintable():
            raise unavailable("generate_urllink: no link")
        return link

    async def picture(self, page: str, scene: str, width: int) -> Picture:
        """Mini-program server API, "getUnlimitedQRCode"."""
        content = {
            "scene": scene,
            "page": page,
            "check_path": self._version == "release",  # other versions have pages that no release has yet
            "env_version": self._version,
            "width": width,
        }
        try:
            image = await self._api.picture("/wxa/getwxacodeunlimit", content)
        except WechatRefused as refused:
            raise _refusal(refused) from None
        for (begins, ends), media_type in ((_JPEG, "image/jpeg"), (_PNG, "image/png")):
            if image.startswith(begins) and image.endswith(ends):
                return Picture(image, media_type)
        raise unavailable("getwxacodeunlimit: not a whole picture")


def _refusal(refused: WechatRefused) -> ProviderUnavailable:
    """Nobody who opens a link can help it: a quota ends by itself, a page or a right that is missing is in the log."""
    log = _log.warning if refused.errcode in _WAITS else _log.error
    log("wechat refused", operation=refused.operation, errcode=refused.errcode, rid=refused.rid)
    refusal = unavailable(str(refused))
    refusal.retry_after_seconds = _WAITS.get(refused.errcode)
    return refusal
