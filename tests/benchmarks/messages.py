"""Messages handed to WeChat over real HTTP, beside the bare calls they cannot do without."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import click
import orjson

from app.booking.events import SlotBooked
from app.identity.models import ChannelBinding
from app.kernel import clock, db
from app.kernel.http import OutboundClient
from app.kernel.settings import get_settings
from app.messages.making import tell
from app.messages.models import Message, MessageTemplate, Subscription
from app.messages.rulebook import RULE_OF
from app.messages.sending import send
from app.messages.telling import visits
from app.messages.telling.told import Elsewhere, Told, alike
from app.messages.words import MessageState, SubscriptionKind, TemplateState
from tests.benchmarks.measuring import counted_statements
from tests.chaos.payments.stack import Stack, running_stack
from tests.identity.accounts import make_resident
from tests.people import new_key

MESSAGES = 400
_KEYS = ("thing1", "time2", "thing3")
_VALUES = ("{item}", "{time}", "{place}")

Act = Callable[[], Awaitable[object]]


async def messages() -> None:
    """Print the figures, on a stack of its own without a worker: this process is it."""
    with tempfile.TemporaryDirectory(prefix="zhangting-bench-") as folder:
        async with running_stack(Path(folder), None) as stack:
            stack.programs["worker"].kill()
            template = await _template(stack)
            openids = [await _reader(stack, template) for _ in range(8)]
            bare = await _spent(await _bare_calls(template, openids))
            made = [await _made(openids[number % len(openids)]) for number in range(MESSAGES)]
            with counted_statements() as counter:
                sent = await _spent([_sending(message) for message in made])
            states = await Message.filter(id__in=[one.id for one in made], state=MessageState.SENT).count()
            assert states == MESSAGES, f"{states} of {MESSAGES} sent"
    _tell(bare, sent, counter.statements / MESSAGES)


def _sending(message: Message) -> Act:
    return lambda: send(message.id)


async def _template(stack: Stack) -> str:
    template = await stack.control.add_template(*_KEYS)
    entries = [{"name": name, "text": text, "options": []} for name, text in zip(_KEYS, _VALUES, strict=True)]
    await MessageTemplate.create(
        key="slot-booked", channel="wechat", language="zh", version=1, state=TemplateState.PUBLISHED,
        provider_template=template, page="pages/booking/detail", entries=entries, drafted_by="bench",
        drafted_at=clock.now(), published_at=clock.now(),
    )  # fmt: skip
    return template


async def _reader(stack: Stack, template: str) -> str:
    """Somebody on WeChat who agreed to all that will come; gives their open id."""
    actor, phone = await make_resident(), await stack.control.make_phone()
    binding = await ChannelBinding.create(
        resident_id=actor.id, channel="wechat", app_id=os.environ["WECHAT_APP_ID"], open_id=phone.openid,
        bound_at=clock.now(),
    )  # fmt: skip
    for _ in range(2 * MESSAGES // 8):
        await stack.control.tap_allow(phone.openid, template)
    await Subscription.create(
        binding_id=binding.id, provider_template=template, kind=SubscriptionKind.ONE_TIME, balance=MESSAGES,
        changed_at=clock.now(),
    )  # fmt: skip
    return phone.openid


async def _made(openid: str) -> Message:
    """A message of a booking, in the database and not yet sent; its job is left lying."""
    binding = await ChannelBinding.get(open_id=openid)
    words = {"item": alike("居民身份证换领"), "place": alike("政务服务中心"), "time": alike("2026-11-27 09:00")}
    told = Told(binding.resident_id, Elsewhere("booking:bench", "pages/booking/detail?id=1"), new_key(), words)

    async def about(_: object) -> list[Told]:
        return [told]

    rule = RULE_OF["slot-booked"]
    assert rule.tell is visits.booked
    await tell(type(rule)(**{**vars(rule), "tell": about}), SlotBooked(db.new_id()))
    found = await Message.filter(once_key__contains=told.once).first()
    assert found is not None
    return found


async def _bare_calls(template: str, openids: Sequence[str]) -> list[Act]:
    """The same bytes over the same client, and nothing else."""
    http, base = OutboundClient(), os.environ["WECHAT_API_BASE_URL"]
    question = {
        "grant_type": "client_credential", "appid": os.environ["WECHAT_APP_ID"],
        "secret": os.environ["WECHAT_APP_SECRET"], "force_refresh": False,
    }  # fmt: skip
    answer = await http.send("wechat", "token", "POST", f"{base}/cgi-bin/stable_token", content=orjson.dumps(question))
    url = f"{base}/cgi-bin/message/subscribe/send?access_token={orjson.loads(answer.body)['access_token']}"
    data = {name: {"value": text} for name, text in zip(_KEYS, ("换证", "2026-11-27 09:00", "大厅"), strict=True)}

    def call(openid: str) -> Act:
        content = orjson.dumps({"touser": openid, "template_id": template, "page": "", "data": data})
        return lambda: http.send("wechat", "send", "POST", url, content=content)

    return [call(openids[number % len(openids)]) for number in range(MESSAGES // 2)]


async def _spent(acts: Sequence[Act]) -> tuple[float, float]:
    """CPU microseconds of this process for one, and how many a second when as many run as a worker runs at once."""
    left = list(acts)

    async def one_after_another() -> None:
        while left:
            await left.pop()()

    cpu, begun = time.process_time(), time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(get_settings().worker_concurrency)))
    seconds = time.perf_counter() - begun
    return (time.process_time() - cpu) / len(acts) * 1e6, len(acts) / seconds


def _tell(bare: tuple[float, float], sent: tuple[float, float], statements: float) -> None:
    click.echo(
        f"\nmessages, WeChat, a worker of {get_settings().worker_concurrency} at once: {sent[1]:,.0f} sent/s, "
        f"bare calls {bare[1]:,.0f}/s\na message costs {sent[0]:,.0f} µs here and {statements:.1f} statements, "
        f"a bare call {bare[0]:,.0f} µs: {sent[0] / bare[0]:.1f} times"
    )
