"""Without this module the sandbox could not be started: `python -m integrations.sandbox --state DIR --port N`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import uvicorn

from integrations.sandbox.keys import provider_environment
from integrations.sandbox.main import create_sandbox


def main() -> None:
    arguments = _arguments()
    base_url = arguments.base_url or f"http://{arguments.host}:{arguments.port}"
    if arguments.print_env:
        for name, value in provider_environment(arguments.state, base_url).items():
            sys.stdout.write(f"{name}={value}\n")
        return
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=logging.WARNING)
    logging.getLogger("integrations.sandbox").setLevel(logging.INFO)
    app = create_sandbox(arguments.state, base_url)
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="integrations.sandbox", description="Plays WeChat, WeChat Pay, Alipay and Kuaidi100 for dev and tests."
    )
    parser.add_argument("--state", type=Path, required=True, help="folder for keys and records")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--base-url", default="", help="how the product reaches it, if not http://HOST:PORT")
    parser.add_argument("--print-env", action="store_true", help="print the product's settings and exit")
    return parser.parse_args()


if __name__ == "__main__":
    main()
