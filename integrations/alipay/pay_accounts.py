"""Without this module a day of payments in Alipay could not be held against our own ledger."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, time, timedelta

from alipay.aop.api.domain.AlipayDataDataserviceBillDownloadurlQueryModel import (
    AlipayDataDataserviceBillDownloadurlQueryModel,
)
from alipay.aop.api.request.AlipayDataDataserviceBillDownloadurlQueryRequest import (
    AlipayDataDataserviceBillDownloadurlQueryRequest,
)
from alipay.aop.api.response.AlipayDataDataserviceBillDownloadurlQueryResponse import (
    AlipayDataDataserviceBillDownloadurlQueryResponse,
)

from app.kernel import clock
from app.kernel.clock import SHANGHAI
from app.kernel.http import OutboundClient, ProviderSilent
from app.payments.ports import AccountNotReady, DayAccount, FundsAccount
from integrations.alipay.gateway import PROVIDER, Gateway, GatewayRefused, unavailable
from integrations.alipay.pay_account_files import check_is_of, read_business, read_funds, read_sheet
from integrations.alipay.pay_errors import is_about_the_trade, not_now, unusable

_METHOD = "alipay.data.dataservice.bill.downloadurl.query"
_DOWNLOAD = "bill.download"
_READY_AT = time(10)
_NO_BILL = frozenset({"40002", "40004"})
"""Too early, the day is a wrong parameter or a bill that does not exist."""
_MOST_BYTES = 64 * 1024 * 1024


class Accounts:
    """The daily bills of the merchant's account, fetched by a link that lives thirty seconds."""

    def __init__(self, gateway: Gateway, http: OutboundClient, seller_id: str) -> None:
        self._gateway = gateway
        self._http = http
        self._seller_id = seller_id

    async def business(self, day: date) -> DayAccount:
        """The digest is over the rows and the trailer: the file itself says when it was made."""
        file = await self._file(day, "trade")
        if file is None:
            return DayAccount(day, _digest_of_nothing(), b"", [])
        sheet = read_sheet(file, "业务明细")
        check_is_of(sheet, self._seller_id, day)
        return DayAccount(day, sheet.digest, file, read_business(sheet))

    async def funds(self, day: date) -> FundsAccount:
        file = await self._file(day, "signcustomer")
        if file is None:
            return FundsAccount(day, _digest_of_nothing(), b"", 0, 0, 0)
        sheet = read_sheet(file, "账务明细")
        check_is_of(sheet, self._seller_id, day)
        income, outgo, entries = read_funds(sheet)
        return FundsAccount(day, sheet.digest, file, income, outgo, entries)

    async def _file(self, day: date, kind: str) -> bytes | None:
        """The zip of a day; None when there is no bill, which is how a quiet day looks.

        "No bill" also means "not yet" until ten o'clock of the next day. Raises `AccountNotReady`.
        """
        model = AlipayDataDataserviceBillDownloadurlQueryModel()
        model.bill_type, model.bill_date = kind, day.isoformat()
        request = AlipayDataDataserviceBillDownloadurlQueryRequest(biz_model=model)
        response = AlipayDataDataserviceBillDownloadurlQueryResponse()
        try:
            told = await self._gateway.ask(request, response, may_repeat=True)
        except GatewayRefused as refused:
            if _is_too_early(day) and refused.code in _NO_BILL:
                raise AccountNotReady from None
            if is_about_the_trade(refused) and refused.sub_code.endswith("bill_not_exist"):
                return None
            raise not_now(refused) from None
        url = told.bill_download_url
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise unusable(_METHOD, "no address")
        return await self._download(url)

    async def _download(self, url: str) -> bytes:
        """A plain GET; the address came signed, what lies there is held against its own trailer."""
        try:
            answer = await self._http.send(PROVIDER, _DOWNLOAD, "GET", url, may_repeat=True, most_bytes=_MOST_BYTES)
        except ProviderSilent as silence:
            raise unavailable(str(silence)) from None
        if answer.status != 200:
            raise unavailable(f"{_DOWNLOAD}: status {answer.status}")
        return answer.body


def _is_too_early(day: date) -> bool:
    return clock.now() < datetime.combine(day + timedelta(days=1), _READY_AT, SHANGHAI)


def _digest_of_nothing() -> str:
    return hashlib.sha256(b"").hexdigest()
