"""Without this module nobody could lay WeChat Pay's account of a day beside our own."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from app.kernel.errors import ProviderUnavailable
from app.kernel.logging import get_logger
from app.payments.ports import AccountBroken, AccountLine, AccountNotReady, DayAccount, FundsAccount
from integrations.wechat.pay_bills import flows_of, read_table, trades_of
from integrations.wechat.pay_client import PayClient, unavailable
from integrations.wechat.pay_errors import PayRefused

_log = get_logger(__name__)

MOST_BYTES = 128 * 1024 * 1024
"""A bill unpacked. A line has some 400 bytes: this is a third of a million payments on one day."""

_GZIP = b"\x1f\x8b"
_TRIES = 2


@dataclass(frozen=True)
class _File:
    digest: str
    content: bytes


class Accounts:
    """WeChat Pay API v3, "trade bill" and "fund-flow bill": from ten o'clock of the next day, three months long."""

    def __init__(self, client: PayClient, mch_id: str) -> None:
        self._client = client
        self._mch_id = mch_id

    async def day(self, day: date) -> DayAccount:
        """See `PaymentChannel.day_account`."""
        file = await self._file("tradebill", day, bill_type="ALL")
        lines = await asyncio.to_thread(self._trades, file.content, day) if file.content else []
        return DayAccount(day, file.digest, file.content, lines)

    async def funds(self, day: date) -> FundsAccount:
        """See `PaymentChannel.funds_account`."""
        file = await self._file("fundflowbill", day, account_type="BASIC")
        if not file.content:
            return FundsAccount(day, file.digest, file.content, 0, 0, 0)
        table = await asyncio.to_thread(read_table, file.content, "资金流水总笔数")
        income, outgo = flows_of(table)
        return FundsAccount(day, file.digest, file.content, income, outgo, len(table.rows))

    def _trades(self, content: bytes, day: date) -> list[AccountLine]:
        return trades_of(read_table(content, "总交易单数"), self._mch_id, day)

    async def _file(self, kind: str, day: date, **wanted: str) -> _File:
        """The address lives five minutes: it is used at once, and asked for anew when it did not serve."""
        target = f"/v3/bill/{kind}?{urlencode({'bill_date': day.isoformat(), **wanted, 'tar_type': 'GZIP'})}"
        fault: AccountBroken | ProviderUnavailable = AccountBroken("never asked for")
        for _ in range(_TRIES):
            try:
                told = await self._client.request(kind, "GET", target)
            except PayRefused as refused:
                return _without_file(kind, refused)
            if told.get("hash_type") != "SHA1":
                raise AccountBroken("hashed in a way nobody knows")
            try:
                packed = await self._client.download(kind, str(told.get("download_url")), MOST_BYTES)
                return await asyncio.to_thread(_unpacked, packed, str(told.get("hash_value")).lower())
            except AccountBroken as broken:
                fault = broken
            except PayRefused as refused:
                fault = unavailable(f"{kind}: {refused}")
            _log.warning("a bill could not be had", operation=kind, day=day.isoformat(), cause=str(fault))
        raise fault


def _without_file(kind: str, refused: PayRefused) -> _File:
    if refused.code == "NO_STATEMENT_EXIST":
        return _File(_digest(b""), b"")
    if refused.code == "STATEMENT_CREATING":
        raise AccountNotReady
    _log.error("wechat pay gives no bill", operation=kind, code=refused.code, rid=refused.request_id)
    raise unavailable(f"{kind}: {refused}")


def _unpacked(packed: bytes, digest: str) -> _File:
    """The hash is over the file as it was before it was packed."""
    content = packed
    if packed.startswith(_GZIP):
        opening = zlib.decompressobj(wbits=31)
        try:
            content = opening.decompress(packed, MOST_BYTES)
        except zlib.error:
            raise AccountBroken("packed wrongly") from None
        if not opening.eof:
            raise AccountBroken("cut off, or larger than any day could be")
    if _digest(content) != digest:
        raise AccountBroken("not the file that was announced")
    return _File(digest, content)


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()  # noqa: S324 - the provider's choice
