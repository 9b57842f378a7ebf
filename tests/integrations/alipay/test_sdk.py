"""Without this module the SDK's own client could slip in: it blocks, logs names, and trusts SHA-1."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from integrations.sandbox.control import SandboxControl
from tests.integrations.contract.stage import NO_REDIS, ROOT, Sandbox

NEVER = ("alipay.aop.api.DefaultAlipayClient", "alipay.aop.api.AlipayClientConfig", "alipay.aop.api.util.WebUtils")
SIGN_IN = """
import asyncio, sys
from app.identity.ports import SignInChannel
from app.kernel import ports
from app.kernel.http import OutboundClient
from integrations.alipay import connect

async def sign_in():
    http = OutboundClient()
    connect(http)
    identity = await ports.get(SignInChannel, "alipay").exchange(sys.argv[1])
    await http.close()
    return identity.open_id

open_id = asyncio.run(sign_in())
print("loaded", *sorted(name for name in sys.modules if name.partition(".")[0] in {"alipay", "rsa", "Crypto"}))
print("open_id", open_id)
"""


async def test_a_process_that_signed_somebody_in_never_loaded_the_sdks_client(
    control: SandboxControl, sandbox: Sandbox
) -> None:
    user = await control.add_alipay_user()
    code = await control.alipay_auth_code(user.open_id)
    done = subprocess.run(  # noqa: ASYNC221, S603 - our own script; the sandbox is a process of its own
        [sys.executable, "-c", SIGN_IN, code],
        cwd=ROOT,
        env={**os.environ, **sandbox.environment, "PORTAL_REDIS_URL": NO_REDIS},
        capture_output=True,
        text=True,
        check=True,
    )
    told = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    assert told["open_id"] == user.open_id
    loaded = told["loaded"].split()
    assert "alipay.aop.api.request.AlipaySystemOauthTokenRequest" in loaded
    assert [name for name in loaded if name in NEVER or name.partition(".")[0] != "alipay"] == []
    assert len(loaded) < 120


def test_no_file_of_ours_imports_more_of_the_sdk_than_its_words() -> None:
    imported = {
        (path.name, module)
        for path in (ROOT / "integrations").rglob("*.py")
        for module in _imports(path)
        if module.partition(".")[0] in {"alipay", "Crypto", "rsa"}
    }
    assert imported
    words = ("alipay.aop.api.domain.", "alipay.aop.api.request.", "alipay.aop.api.response.")
    assert [found for found in imported if not found[1].startswith(words)] == []


def _imports(path: Path) -> list[str]:
    modules = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.append(node.module)
    return modules
