"""What WeChat says of a link or a code is understood, and what is none is not passed on."""

from __future__ import annotations

import pytest

from app.kernel import ports
from app.kernel.errors import ProviderUnavailable
from app.links.ports import AppCodes, AppOpener
from integrations.sandbox.control import SandboxControl
from tests.integrations.contract.stage import Sandbox, connected

PAGE = "pages/link/index"


async def asked(page: str = PAGE, query: str = "ticket=x", scene: str = "x", width: int = 430) -> list[str]:
    """The causes for which a link and a code are refused; empty for what was made."""
    causes = []
    for question in (
        lambda: ports.get(AppOpener, "wechat").address(page, query),
        lambda: ports.get(AppCodes, "wechat").picture(page, scene, width),
    ):
        try:
            await question()
        except ProviderUnavailable as refusal:
            causes += [f"{refusal.__notes__[0]}/{refusal.retry_after_seconds}"]
    return causes


@pytest.mark.usefixtures("door")
@pytest.mark.parametrize(
    ("wrong", "causes"),
    [
        ({"page": "pages/none"}, ["generate_urllink: errcode 40165/None", "getwxacodeunlimit: errcode 41030/None"]),
        ({"query": "a" * 1025}, ["generate_urllink: errcode 40212/None"]),
        ({"scene": "x" * 33}, ["getwxacodeunlimit: errcode 40129/None"]),
        ({"width": 279}, ["getwxacodeunlimit: errcode 40097/None"]),
    ],
)
async def test_what_is_wrong_with_us_is_unavailable_with_its_errcode(
    control: SandboxControl, wrong: dict[str, object], causes: list[str]
) -> None:
    assert await asked(**wrong) == causes  # type: ignore[arg-type]


@pytest.mark.usefixtures("door")
@pytest.mark.parametrize(("state", "left", "errcode", "wait"), [("busy", None, -1, 5), ("open", 0, 45009, 60)])
async def test_what_ends_by_itself_says_when_to_come_again(
    control: SandboxControl, state: str, left: int | None, errcode: int, wait: int
) -> None:
    await control.link_door(state, left=left)
    told = f"errcode {errcode}/{wait}"
    assert await asked() == [f"generate_urllink: {told}", f"getwxacodeunlimit: {told}"]


@pytest.mark.usefixtures("door")
async def test_half_a_picture_is_none(control: SandboxControl) -> None:
    codes, halves = ports.get(AppCodes, "wechat"), 0
    await ports.get(AppOpener, "wechat").address(PAGE, "")  # the access token is there
    for seed in range(12):
        await control.be_hostile(seed=seed, garbage=1.0)
        with pytest.raises(ProviderUnavailable) as refusal:
            await codes.picture(PAGE, "x", 280)
        halves += "not a whole picture" in refusal.value.__notes__[0]
    assert halves == 12


@pytest.mark.parametrize(("state", "version"), [("formal", "release"), ("trial", "trial"), ("developer", "develop")])
async def test_a_link_opens_the_version_that_messages_open(
    sandbox: Sandbox, control: SandboxControl, state: str, version: str
) -> None:
    async with connected("wechat", **sandbox.environment, WECHAT_STATE=state):
        await ports.get(AppOpener, "wechat").address(PAGE, "ticket=x")
        picture = await ports.get(AppCodes, "wechat").picture(PAGE, "x", 280)
    [link] = await control.url_links()
    assert (link["version"], link["path"], link["query"]) == (version, PAGE, "ticket=x")
    assert picture.media_type == "image/jpeg"


async def test_a_page_of_no_release_yet_has_codes_in_the_other_versions(sandbox: Sandbox) -> None:
    async with connected("wechat", **sandbox.environment, WECHAT_STATE="trial"):
        assert (await ports.get(AppCodes, "wechat").picture("pages/not/yet", "x", 280)).content
