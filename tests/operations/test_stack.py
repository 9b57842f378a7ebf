from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]

from app.dev.stack import OURS
from integrations.sandbox.keys import provider_environment
from tests.clusters import lay_out_cluster
from tests.operations.conftest import ROOT, bare_environment, is_running, run_portal, wait_until
from tests.ports import free_port


def test_a_command_in_another_terminal_is_told_every_setting_of_the_sandbox(tmp_path: Path) -> None:
    """Otherwise `portal doctor` passes over a provider without a word."""
    handed_out = provider_environment(tmp_path, "http://127.0.0.1:1")
    assert [name for name in handed_out if not name.startswith(OURS)] == []


def test_one_command_starts_everything_and_one_ctrl_c_stops_it(tmp_path: Path, kept: Path) -> None:
    """On tables as the migrations leave them; `make demo` starts from nothing each time."""
    lay_out_cluster(tmp_path / "postgres", kept)
    port = free_port()
    variables = {
        "PORTAL_STATE_DIR": str(tmp_path),
        "PORTAL_PORT": str(port),
        "PORTAL_SANDBOX_PORT": str(free_port()),
    }
    output, findings = tmp_path / "output", list[str]()

    def is_well() -> bool:
        doctor = run_portal("doctor", PORTAL_STATE_DIR=str(tmp_path))
        findings.append(doctor.stdout)
        return (doctor.returncode, doctor.stdout.count("✗")) == (0, 0)

    with (
        output.open("w") as sink,
        subprocess.Popen(
            [sys.executable, "-m", "app.cli", "dev"],
            cwd=ROOT,
            env=bare_environment(**variables),
            stdout=sink,
            stderr=sink,
            process_group=0,
        ) as stack,
    ):
        ready = wait_until(lambda: stack.poll() is not None or "is running" in output.read_text(), 120)
        family = [process.pid for process in psutil.Process(stack.pid).children(recursive=True)]
        try:
            assert ready, output.read_text()
            assert stack.poll() is None, output.read_text()
            assert httpx.get(f"http://127.0.0.1:{port}/readyz").json() == {
                "ready": True,
                "database": "ok",
                "migrations": "ok",
                "redis": "ok",
            }
            assert stat.S_IMODE((tmp_path / "dev.env").stat().st_mode) == 0o600
            assert wait_until(is_well, 60), findings[-1]
        finally:
            stack.send_signal(signal.SIGINT)
            status = stack.wait(60)
    assert status == 0, output.read_text()
    assert "stopped, nothing is left running" in output.read_text()
    assert len(family) >= 5
    assert not any(map(is_running, family))
    assert not (tmp_path / "dev.env").exists()
