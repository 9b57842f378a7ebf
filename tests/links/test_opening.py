"""A tap on a link opens the app of that phone, and a page that says what to do when it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from PIL import Image

from app.kernel import ports
from app.kernel.redis import redis
from app.links.opening import _making, address_of
from app.links.ports import AppCodes, AppOpener
from tests.links.stage import (
    COMPUTER,
    IN_ALIPAY,
    IN_WECHAT,
    PHONE,
    a_link,
    browse,
    links_made,
    ticket_behind,
    without_redis,
)
from tests.portal import Portal

PERSONAL = ("测试", "身份证", "政务服务中心")


@pytest.fixture(autouse=True)
async def kind_platform(portal: Portal) -> AsyncIterator[None]:
    yield
    await portal.control.link_door("open", left=500_000)
    await portal.control.be_kind()


def opened(image: httpx.Response) -> Image.Image:
    """As a library that reads pictures sees it."""
    picture = Image.open(BytesIO(image.content))
    picture.load()
    return picture


@pytest.mark.parametrize("browser", [PHONE, IN_WECHAT])
async def test_a_phone_is_led_into_wechat_with_the_ticket(portal: Portal, browser: str) -> None:
    url = await a_link()
    answer = await browse(url, browser)
    assert await ticket_behind(answer) == url.rpartition("/")[2]
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    [made] = await portal.control.url_links(f"ticket={url.rpartition('/')[2]}")
    assert made["version"] == "release"
    assert made["expires"] - made["made"] == 29 * 86400


async def test_in_alipays_browser_alipay_is_opened_and_wechat_not_asked(portal: Portal) -> None:
    url = await a_link()
    answer = await browse(url, IN_ALIPAY)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("alipays://platformapi/startapp?appId=")
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert told["page"] == [f"pages/link/index?ticket={url.rpartition('/')[2]}"]
    assert set(told) == {"appId", "page"}
    assert await links_made(portal, url) == 0


async def test_a_link_is_made_once_for_a_thing_and_kept_for_twenty_eight_days(portal: Portal) -> None:
    url = await a_link()
    first, second = await browse(url), await browse(url, IN_WECHAT)
    assert first.headers["location"] == second.headers["location"]
    assert await links_made(portal, url) == 1
    [key] = await redis().keys(f"link:*{url.rpartition('/')[2]}")
    assert 28 * 86400 - 60 < await redis().ttl(key) <= 28 * 86400


async def test_twenty_taps_at_once_all_arrive_and_cost_a_few_calls_at_most(portal: Portal) -> None:
    url = await a_link()
    async with httpx.AsyncClient(timeout=30, headers={"user-agent": PHONE}) as phones:
        answers = await asyncio.gather(*(phones.get(url) for _ in range(20)))
    assert [await ticket_behind(answer) for answer in answers[:2]] == [url.rpartition("/")[2]] * 2
    assert {answer.status_code for answer in answers} == {302}
    assert 1 <= await links_made(portal, url) <= 3
    assert _making == {}


async def test_who_asks_while_it_is_made_waits_for_the_same_call(portal: Portal) -> None:
    """Also when there is no Redis to find it in."""
    url = await a_link()
    ticket = url.rpartition("/")[2]
    async with without_redis():
        addresses = await asyncio.gather(*(address_of(ticket, PHONE) for _ in range(20)))
    assert len(set(addresses)) == 1
    assert await links_made(portal, url) == 1


async def test_a_lost_redis_costs_a_call_and_nothing_else(portal: Portal) -> None:
    url = await a_link()
    async with without_redis():
        answers = [await browse(url), await browse(url)]
        image = await browse(f"{url}/code")
    assert [await ticket_behind(answer) for answer in answers] == [url.rpartition("/")[2]] * 2
    assert await links_made(portal, url) == 2
    assert opened(image).size == (430, 430)


async def test_an_access_token_that_ended_is_replaced_in_the_middle(portal: Portal) -> None:
    url, other = await a_link(), await a_link()
    await browse(url)
    async with portal.later(7201):
        assert await ticket_behind(await browse(other)) == other.rpartition("/")[2]
        async with portal.later(7201):
            assert opened(await browse(f"{other}/code")).format == "JPEG"


@pytest.mark.parametrize(
    ("state", "left", "wait"), [("busy", None, "5"), ("open", 0, "60"), ("unauthorised", None, "60")]
)
async def test_while_wechat_is_away_a_page_says_how_to_find_the_app(
    portal: Portal, state: str, left: int | None, wait: str
) -> None:
    url = await a_link()
    await portal.control.link_door(state, left=left)
    for path in (url, f"{url}/code"):
        away = await browse(path)
        assert (away.status_code, away.headers["retry-after"]) == (503, wait)
        assert "微信暂时没有响应" in away.text
    page = (await browse(url)).text
    assert "在微信或支付宝里搜索“掌厅”" in page
    assert "Search for “掌厅” in WeChat or Alipay" in page
    await portal.control.link_door("open", left=500_000)
    assert (await browse(url)).status_code == 302


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_garbage_is_neither_followed_nor_shown_nor_kept(portal: Portal, seed: int) -> None:
    """Half an answer, half a picture, or a page of somebody in between."""
    url = await a_link()
    await portal.control.be_hostile(seed=seed, garbage=1.0)
    assert {(await browse(path)).status_code for path in (url, f"{url}/code")} == {503}
    await portal.control.be_kind()
    assert await ticket_behind(await browse(url)) == url.rpartition("/")[2]
    assert opened(await browse(f"{url}/code")).size == (430, 430)


async def test_without_any_app_connected_the_page_says_so(portal: Portal) -> None:
    url = await a_link()
    taken = {port: dict(ports._adapters.pop(port)) for port in (AppOpener, AppCodes)}
    try:
        assert [(await browse(path)).status_code for path in (url, f"{url}/code")] == [503, 503]
    finally:
        ports._adapters.update(taken)


@pytest.mark.parametrize("browser", [PHONE, IN_ALIPAY, COMPUTER])
@pytest.mark.parametrize("end", ["", "/code"])
async def test_a_forged_ticket_opens_nothing_and_says_what_to_do(portal: Portal, browser: str, end: str) -> None:
    url = await a_link()
    ticket = url.rpartition("/")[2]
    before = len(await portal.control.url_links())
    for forged in (ticket[:-1], ticket.swapcase(), "<script>", f"{ticket}A", "A" * 32):
        answer = await browse(f"{portal.url}/l/{forged}{end}", browser)
        assert answer.status_code == 404
        assert "这个链接不完整或已失效" in answer.text
        assert "<script>" not in answer.text
    assert len(await portal.control.url_links()) == before


async def test_on_a_computer_a_code_is_shown_for_a_phone_to_scan(portal: Portal) -> None:
    url = await a_link()
    page = await browse(url, COMPUTER)
    assert page.status_code == 200
    assert f'src="/l/{url.rpartition("/")[2]}/code"' in page.text
    assert "img-src 'self'" in page.headers["content-security-policy"]
    assert not [word for word in PERSONAL if word in page.text]
    assert await links_made(portal, url) == 0


@pytest.mark.parametrize("width", [280, 430, 1280])
async def test_the_code_is_a_picture_of_the_wanted_width_with_the_ticket_in_it(portal: Portal, width: int) -> None:
    url = await a_link()
    image = await browse(f"{url}/code?width={width}")
    assert (image.status_code, image.headers["content-type"]) == (200, "image/jpeg")
    picture = opened(image)
    assert (picture.format, picture.size) == ("JPEG", (width, width))
    assert picture.info["comment"] == url.rpartition("/")[2].encode()
    calls = len([one for one in await portal.control.journal() if "getwxacodeunlimit" in one.what])
    assert (await browse(f"{url}/code?width={width}")).content == image.content
    assert len([one for one in await portal.control.journal() if "getwxacodeunlimit" in one.what]) == calls


@pytest.mark.parametrize("width", ["279", "1281", "0430", "-1", "430.0", "x", "٤٣٠", "99999999999"])
async def test_a_width_no_code_has_is_refused_before_anybody_is_asked(portal: Portal, width: str) -> None:
    answer = await browse(f"{await a_link()}/code?width={width}")
    assert (answer.status_code, answer.text) == (400, "width: 280-1280\n")


async def test_who_tries_link_after_link_is_made_to_wait(portal: Portal) -> None:
    """From an address of its own: the other tests go on."""
    url = f"{portal.url}/l/{'A' * 32}"
    statuses = [(await browse(url, local_address="127.0.0.77")).status_code for _ in range(130)]
    assert statuses == [404] * 120 + [429] * 10
    refused = await browse(url, local_address="127.0.0.77")
    assert refused.headers["retry-after"] == "60"
    assert "操作过于频繁" in refused.text
