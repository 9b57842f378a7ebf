"""Without this module no callback would leave: it keeps them on disk, sends them and repeats the refused."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from secrets import token_hex
from typing import Protocol

import httpx

from integrations.sandbox.hostility import Dice
from integrations.sandbox.journal import Entry, Journal, log
from integrations.sandbox.masking import mask_text
from integrations.sandbox.records import Records, Shelf

AT_ONCE = 20  # callbacks on the wire at the same time
GRACE = 1.0  # seconds a shutdown waits for answers under way
SHOWN = 300  # characters of an answer that the journal and the control API keep
TRUE_SEAL = "normal"


@dataclass(frozen=True)
class Callback:
    """One message to the product. `payload` is fixed, the signature is made anew for every attempt;
    `seal` names how (properly, or wrong in one of the channel's ways), `secret` is the receiver's salt. `fate` says
    what hostility does to it on the way, joined by `+`.
    """

    channel: str
    event: str
    subject: str
    url: str
    payload: str
    id: str = ""
    seal: str = TRUE_SEAL
    secret: str = ""
    due: float = 0.0
    attempt: int = 0
    repeated: bool = True
    fate: str = ""


@dataclass(frozen=True)
class Sealed:
    """The bytes and headers of one attempt, as they go on the wire; some providers sign in the query."""

    headers: dict[str, str]
    body: str
    query: str = ""


@dataclass(frozen=True)
class Delivered:
    """The last attempt a receiver accepted, kept to be replayed byte by byte."""

    url: str
    headers: dict[str, str]
    body: str
    query: str = ""


@dataclass(frozen=True)
class Reply:
    """What the product answered; status 0 when it answered nothing, `error` then says why."""

    url: str
    status: int
    body: str
    milliseconds: int
    accepted: bool
    error: str


class Channel(Protocol):
    """One provider's way of calling back. `gaps` are the seconds before each repeat, before haste."""

    name: str
    timeout: float
    gaps: tuple[float, ...]

    def seal(self, callback: Callback) -> Sealed: ...

    def accepts(self, status: int, body: bytes) -> bool: ...

    def spoil(self, callback: Callback, how: str) -> Callback | None:
        """A false copy of a callback (forge, wrong_amount, garbage); None where the lie makes no sense."""
        ...


class Messenger:
    """Sends callbacks in the background; what is not delivered yet goes on after a restart."""

    def __init__(self, records: Records, dice: Dice, journal: Journal) -> None:
        self._waiting = Shelf(records, "callbacks", Callback, keep=5000)
        self._delivered = Shelf(records, "delivered", Delivered, keep=2000)
        self._dice = dice
        self._journal = journal
        self._channels: dict[str, Channel] = {}
        self._pending = {callback.id: callback for callback in self._waiting.every()}
        self._lanes: dict[tuple[str, str, str], asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._client: httpx.AsyncClient | None = None

    def connect(self, channel: Channel) -> None:
        self._channels[channel.name] = channel

    def post(self, callback: Callback, *, after: float = 0.0) -> None:
        """Queue a callback `after` seconds from now and return at once; the dice may spoil it."""
        fate = self._dice.callback(f"{callback.channel} {callback.event}")
        channel = self._channels[callback.channel]
        due = time.time() + after
        for how in fate.false_copies:
            if false := channel.spoil(callback, how):
                self._queue(replace(false, due=due, repeated=False))
        if fate.drop:
            self._note(callback, Reply(callback.url, 0, "", 0, accepted=False, error=""), "lost", "drop")
            return
        late = "+".join(name for name in ("delay", "reorder") if name in fate.names)
        self._queue(replace(callback, due=due + fate.wait, fate=late))
        for copy in range(1, fate.copies):
            self._queue(replace(callback, due=due + fate.wait + copy * 0.01, fate="duplicate"))

    async def send_now(self, callback: Callback) -> Reply:
        """One attempt at once, outside the queue, never repeated: what the control API asks for."""
        return await self._attempt(callback)

    async def replay(self, channel: str, subject: str, url: str) -> Reply | None:
        """The last delivered callback again, byte by byte; None when there was none."""
        last = self._delivered.get(_address(channel, subject, url))
        if last is None:
            return None
        reply = await self._transmit(self._channels[channel], url, Sealed(last.headers, last.body, last.query))
        self._note(Callback(channel, "replay", subject, url, ""), reply, _verdict(reply), "")
        return reply

    def pending(self) -> list[Callback]:
        return sorted(self._pending.values(), key=lambda callback: callback.due)

    def forget(self) -> None:
        """After the records were emptied: nothing waits any more, and what is under way is broken off."""
        self._pending.clear()
        for task in self._lanes.values():
            task.cancel()

    async def run(self) -> None:
        """Until cancelled: start what is due, sleep until the next is."""
        async with httpx.AsyncClient(trust_env=False, follow_redirects=False) as client:
            self._client = client
            try:
                while True:
                    self._wake.clear()
                    self._start_due()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), self._seconds_to_next())
            finally:
                await self._finish()

    def _start_due(self) -> None:
        now = time.time()
        for callback in self.pending():
            lane = (callback.channel, callback.subject, callback.url)
            if callback.due > now or len(self._lanes) >= AT_ONCE:
                return
            if lane not in self._lanes:  # a receiver hears about one subject in one voice at a time
                self._lanes[lane] = asyncio.create_task(self._deliver(callback, lane))

    def _seconds_to_next(self) -> float | None:
        free = [c.due for c in self._pending.values() if (c.channel, c.subject, c.url) not in self._lanes]
        if not free or len(self._lanes) >= AT_ONCE:
            return None
        return max(min(free) - time.time(), 0.001)

    async def _deliver(self, callback: Callback, lane: tuple[str, str, str]) -> None:
        try:
            reply = await self._attempt(callback)
            if callback.id not in self._pending:
                return
            gaps = self._channels[callback.channel].gaps
            if reply.accepted or not callback.repeated or callback.attempt >= len(gaps):
                del self._pending[callback.id]
                self._waiting.drop(callback.id)
                return
            later = time.time() + gaps[callback.attempt] * self._dice.now.haste
            self._keep(replace(callback, attempt=callback.attempt + 1, due=later))
        except Exception:  # noqa: BLE001 - one broken callback must not stop the others
            log.exception("the callback %s %s cannot be sent and is given up", callback.event, callback.subject)
            self._pending.pop(callback.id, None)
            self._waiting.drop(callback.id)
        finally:
            if self._lanes.get(lane) is asyncio.current_task():
                del self._lanes[lane]
            self._wake.set()

    async def _attempt(self, callback: Callback) -> Reply:
        channel = self._channels[callback.channel]
        sealed = channel.seal(callback)
        reply = await self._transmit(channel, callback.url, sealed)
        if reply.accepted and callback.seal == TRUE_SEAL:
            remembered = Delivered(callback.url, sealed.headers, sealed.body, sealed.query)
            self._delivered.put(_address(callback.channel, callback.subject, callback.url), remembered)
        fate = ("" if callback.attempt else callback.fate) if callback.seal == TRUE_SEAL else callback.seal
        self._note(callback, reply, _verdict(reply), fate)
        return reply

    async def _transmit(self, channel: Channel, url: str, sealed: Sealed) -> Reply:
        assert self._client is not None, "the messenger runs as long as the app does"
        started = time.perf_counter()
        status, body, error = 0, b"", ""
        try:
            async with asyncio.timeout(channel.timeout):
                target = f"{url}{'&' if '?' in url else '?'}{sealed.query}" if sealed.query else url
                answer = await self._client.post(
                    target, content=sealed.body.encode(), headers=sealed.headers, timeout=channel.timeout
                )
            status, body = answer.status_code, answer.content
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as failure:
            error = f"{type(failure).__name__} {failure}".strip()
        milliseconds = round((time.perf_counter() - started) * 1000)
        accepted = not error and channel.accepts(status, body)
        return Reply(url, status, body.decode(errors="replace")[:SHOWN], milliseconds, accepted, error)

    def _queue(self, callback: Callback) -> None:
        self._keep(replace(callback, id=token_hex(12)))
        self._wake.set()

    def _keep(self, callback: Callback) -> None:
        self._pending[callback.id] = callback
        self._waiting.put(callback.id, callback)

    def _note(self, callback: Callback, reply: Reply, verdict: str, fate: str) -> None:
        what = f"{callback.event} {callback.subject}"
        if callback.attempt:
            what += f" (repeat {callback.attempt})"
        address, _, query = reply.url.partition("?")  # the query is the product's own token
        detail = mask_text(f"{address}{'?***' if query else ''} {reply.error or reply.body}")
        entry = Entry(
            time.time(), "callback", callback.channel, what, reply.status, verdict, detail, fate,
            reply.milliseconds,
        )  # fmt: skip
        self._journal.write(entry)

    async def _finish(self) -> None:
        tasks = list(self._lanes.values())
        if tasks:
            _, slow = await asyncio.wait(tasks, timeout=GRACE)
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
        self._client = None


def describe(reply: Reply) -> dict[str, object]:
    return asdict(reply)


def _verdict(reply: Reply) -> str:
    if reply.error:
        return "no answer"
    return "accepted" if reply.accepted else "refused"


def _address(channel: str, subject: str, url: str) -> str:
    return f"{channel} {subject} {url}"
