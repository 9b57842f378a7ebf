from __future__ import annotations

import pytest

from app.catalogue.models import ServiceItem
from app.catalogue.queries import search_items
from tests.catalogue.seed import seed_catalogue
from tests.portal import Portal


async def found(text: str, limit: int = 3) -> list[str]:
    return [item.key for item in (await search_items(text, limit=limit, offset=0)).items]


async def test_a_lost_identity_card_is_found_first(portal: Portal) -> None:
    answer = await portal.stranger().do("FindItems", search="身份证丢了")
    first = answer["edges"][0]["node"]
    assert (first["key"], first["department"]["name"]) == ("id-card-replace", "市公安局(户政)")
    assert [(fee["key"], fee["amountFen"]) for fee in first["fees"]] == [("ID40", 4000)]
    assert (first["visitCount"], first["promisedLimit"]["text"]) == (1, "15个工作日")


@pytest.mark.parametrize(
    ("words", "item"),
    [
        ("身份证丢了怎么办", "id-card-replace"),
        ("我的身份证找不到了想补办", "id-card-replace"),
        ("身份证到期", "id-card-renew"),
        ("坐高铁没带身份证", "id-card-temp"),
        ("护照过期了", "passport"),
        ("去香港玩", "hkm-permit"),
        ("驾照丢了怎么补", "licence-replace"),
        ("孩子上户口", "birth-household"),
        ("小孩上小学", "school-enrol"),
        ("被公司裁员领失业金", "unemployment-benefit"),
        ("自己交社保", "flexible-insure"),
        ("上班受伤", "work-injury"),
        ("外地住院报销", "remote-medical"),
        ("结婚证丢了", "marriage-replace"),
        ("房产过户", "re-transfer"),
        ("买房提公积金", "hf-purchase"),
        ("想开个餐馆", "food-licence"),
        ("老人补贴", "elderly-allowance"),
        ("网约车", "ride-hailing"),
        ("讨薪", "legal-aid"),
        ("ID card", "id-card-replace"),
        ("lost identity card", "id-card-replace"),
        ("PASSPORT", "passport"),
        ("marriage", "marriage"),
    ],
)
async def test_people_find_what_they_mean_among_the_first_three(portal: Portal, words: str, item: str) -> None:
    assert item in await found(words)


async def test_every_word_the_catalogue_lists_leads_to_its_item(portal: Portal) -> None:
    lost = [
        (word, item["key"])
        for item in seed_catalogue()["items"]
        for word in item["keywords"]
        if item["key"] not in await found(word)
    ]
    assert lost == []


@pytest.mark.parametrize("words", ["asdfgh", "12345", "😀😀", "'; DROP TABLE item_gram; --", "%", "_", "鑫鑫鑫", "税"])
async def test_what_nobody_means_finds_nothing(portal: Portal, words: str) -> None:
    answer = await portal.stranger().do("FindItems", search=words)
    assert answer == {"edges": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}


async def test_a_novel_is_cut_short(portal: Portal) -> None:
    answer = await portal.stranger().do("FindItems", search="身份证丢了" * 2_000)
    assert answer["edges"][0]["node"]["key"] == "id-card-replace"


async def test_paging_through_everything_repeats_nothing(portal: Portal) -> None:
    stranger, keys, after = portal.stranger(), [], None
    while True:
        page = await stranger.do("FindItems", search=" ", first=20, after=after)
        keys += [edge["node"]["key"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(keys) == 74
    assert keys == sorted(set(keys))


async def test_paging_through_a_search_gives_the_same_as_one_large_page(portal: Portal) -> None:
    stranger, keys, after = portal.stranger(), [], None
    for _ in range(10):
        page = await stranger.do("FindItems", search="身份证", first=1, after=after)
        keys += [edge["node"]["key"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
    whole = await stranger.do("FindItems", search="身份证", first=10)
    assert keys == [edge["node"]["key"] for edge in whole["edges"]]


@pytest.mark.parametrize(
    "wrong", [{"first": 0}, {"first": 51}, {"first": -1}, {"after": "!"}, {"after": "LTE"}, {"after": "é" * 400}]
)
async def test_a_page_that_cannot_be_is_refused(portal: Portal, wrong: dict[str, object]) -> None:
    answer = await portal.stranger().ask("FindItems", search="身份证", **wrong)
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def test_the_guide_tells_everything_in_two_languages(portal: Portal) -> None:
    stranger = portal.stranger()
    guide = await stranger.do("Guide", key="id-card-replace")
    stranger.http.headers["accept-language"] = "en"
    in_english = await stranger.do("Guide", key="id-card-replace")

    assert guide["name"] == "居民身份证丢失补领(损坏换领)"
    assert (guide["statutoryLimit"]["text"], in_english["statutoryLimit"]["text"]) == ("60日", "60 calendar days")
    assert (guide["minLevel"], guide["bookable"]) == ({"level": 3, "nameZh": "中级实名(L3)"}, True)
    assert [point["key"] for point in guide["servicePoints"]] == [
        "bayin-hall", "city-hall", "qinghe-hall", "wangyue-hall",
    ]  # fmt: skip
    item = await ServiceItem.get(key="id-card-replace", state="IN_FORCE")
    assert in_english["name"] == item.name_en
    assert [material["order"] for material in guide["materials"]] == list(range(1, len(item.materials) + 1))


async def test_an_item_that_is_not_there_is_said_to_be_missing(portal: Portal) -> None:
    refused = await portal.stranger().do("Guide", key="no-such-item")
    assert (refused["code"], refused["message"]) == ("NOT_FOUND", "没有找到这个事项,请核对后再试")


@pytest.mark.parametrize("key", ["x" * 61, "", "UPPER", "身份证", "../passport"])
async def test_what_cannot_be_a_key_is_missing_too(portal: Portal, key: str) -> None:
    assert (await portal.stranger().do("Guide", key=key))["code"] == "NOT_FOUND"


FOUR_LEVELS = {
    "city-hall": "CITY", "qinghe-hall": "COUNTY", "donghu-station": "TOWN", "liushu-station": "VILLAGE",
}  # fmt: skip


async def test_halls_channels_and_carriers_are_told_to_everybody(portal: Portal) -> None:
    answer = (await portal.stranger().ask("ServicePoints"))["data"]
    points = {point["key"]: point for point in answer["servicePoints"]}
    assert len(points) == 8
    assert {key: point["level"] for key, point in points.items() if key in FOUR_LEVELS} == FOUR_LEVELS
    assert (points["city-hall"]["latitude"], points["city-hall"]["longitude"]) == (40.2, 109.1)
    assert (points["city-hall"]["windows"], points["donghu-station"]["kind"]) == (18, "STATION")
    assert points["city-hall"]["opening"][:2] == [
        {"weekday": 1, "open": "08:30", "close": "12:00"},
        {"weekday": 1, "open": "14:00", "close": "17:30"},
    ]
    assert answer["paymentChannels"] == [{"code": "wechat", "name": "微信支付"}, {"code": "alipay", "name": "支付宝"}]
    assert {"code": "ems", "nameZh": "EMS"} in answer["carriers"]
