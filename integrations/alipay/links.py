"""Without this module a link opened in Alipay's browser would lead into another app."""

from __future__ import annotations

from urllib.parse import urlencode


class AlipayLinks:
    """`AppOpener` by Alipay's own scheme, which nobody has to be asked for and which does not end."""

    browser_mark = "AlipayClient"
    good_for = None

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id

    async def address(self, page: str, query: str) -> str:
        """The query belongs to the page and is encoded with it, so that it arrives there and whole."""
        return f"alipays://platformapi/startapp?{urlencode({'appId': self._app_id, 'page': f'{page}?{query}'})}"
