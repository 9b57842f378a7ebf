"""Without this module a certificate would end on the day somebody wants to pay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.doctor import Finding, certificate_findings
from app.kernel import metrics, ports
from app.kernel.clock import local
from integrations.sandbox.control import SandboxControl
from integrations.sandbox.key_control import NewKey
from tests.integrations.contract.stage import Sandbox, connected

ADVICE = "change it as docs/operations.md says, section Providers' keys (integrations/wechat/README.md)"


def with_certificate(sandbox: Sandbox, new: NewKey, folder: Path) -> dict[str, str]:
    (folder / "key.pem").write_text(new.private_key)
    (folder / "certificate.pem").write_text(new.certificate)
    return {
        **sandbox.environment,
        "WECHAT_PAY_SERIAL_NO": new.serial,
        "WECHAT_PAY_PRIVATE_KEY_FILE": str(folder / "key.pem"),
        "WECHAT_PAY_CERTIFICATE_FILE": str(folder / "certificate.pem"),
    }


def told() -> Finding:
    [finding] = certificate_findings(datetime.now(UTC))
    return finding


def day(days: int) -> str:
    return f"{local(datetime.now(UTC) + timedelta(days=days)):%Y-%m-%d}"


@pytest.mark.parametrize(
    ("days", "works", "warns", "detail"),
    [
        (-1, False, False, "ended on {day}"),
        (1, True, True, "ends on {day}, in 0 days"),
        (30, True, True, "ends on {day}, in 29 days"),
        (31, True, False, "ends on {day}, in 30 days"),
    ],
)
async def test_the_doctor_warns_thirty_days_before_a_certificate_ends_and_fails_when_it_has(
    control: SandboxControl, sandbox: Sandbox, tmp_path: Path, days: int, works: bool, warns: bool, detail: str
) -> None:
    new = await control.rotate("merchant", days=days)
    async with connected("wechat", **with_certificate(sandbox, new, tmp_path)):
        finding = told()
    ends = day(days)
    assert finding == Finding("wechat merchant certificate", works, detail.format(day=ends), ADVICE, warns=warns)
    mark = "✗" if not works else "!" if warns else "✓"
    assert finding.line(40).startswith(f"{mark} wechat merchant certificate")
    assert (f"→ {ADVICE}" in finding.line(40)) == (warns or not works)


async def test_a_next_certificate_stands_for_the_one_that_ends(
    control: SandboxControl, sandbox: Sandbox, tmp_path: Path
) -> None:
    new = await control.rotate("merchant", days=-1)
    following = {
        f"WECHAT_PAY_NEXT_{name}": sandbox.environment[f"WECHAT_PAY_{name}"]
        for name in ("SERIAL_NO", "PRIVATE_KEY_FILE", "CERTIFICATE_FILE")
    }
    async with connected("wechat", **with_certificate(sandbox, new, tmp_path), **following):
        finding = told()
    assert (finding.works, finding.warns) == (True, True)
    assert finding.detail.endswith("; 1 beside it ended and can be taken out of the settings")


async def test_a_key_without_its_certificate_is_one_whose_end_nobody_knows(sandbox: Sandbox) -> None:
    async with connected("wechat", **{**sandbox.environment, "WECHAT_PAY_CERTIFICATE_FILE": ""}):
        finding = told()
    assert (finding.works, finding.warns, finding.detail) == (True, True, "nobody told us when it ends")


async def test_a_fetched_platform_certificate_is_watched_too(control: SandboxControl, sandbox: Sandbox) -> None:
    """The old one that a new one follows does not alarm anybody."""
    await control.rotate("platform_certificate", days=20)
    without = {**sandbox.environment, "WECHAT_PAY_PUBLIC_KEY_ID": "", "WECHAT_PAY_PUBLIC_KEY_FILE": ""}
    async with connected("wechat", **without):
        assert await ports.get(ports.HealthCheck, "wechat").check()
        assert [finding.what for finding in certificate_findings(datetime.now(UTC))] == [
            "wechat merchant certificate",
            "wechat platform certificate",
        ]
        assert not any(finding.warns for finding in certificate_findings(datetime.now(UTC)))
        await control.rotate("platform_certificate", "drop")
    async with connected("wechat", **without):
        await ports.get(ports.HealthCheck, "wechat").check()
        assert [finding.warns for finding in certificate_findings(datetime.now(UTC))] == [False, True]


async def test_the_days_left_are_a_figure_for_prometheus(
    control: SandboxControl, sandbox: Sandbox, tmp_path: Path
) -> None:
    new = await control.rotate("merchant", days=20)
    async with connected("wechat", **with_certificate(sandbox, new, tmp_path)):
        figures = metrics.exposition().decode()
    labels = f'provider="wechat",serial="{new.serial}"'
    [line] = [one for one in figures.splitlines() if new.serial in one]
    name, _, value = line.rpartition(" ")
    assert name == f'portal_certificate_days_left{{certificate="merchant certificate",{labels}}}'
    assert 19.9 < float(value) <= 20
