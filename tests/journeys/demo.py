"""`make demo`: the journey against a freshly started stack, told step by step."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.dev import StackFailed, running_stack
from integrations.sandbox.control import SandboxControl
from tests.journeys.journey import STEPS, Journey

_DATABASE, _REDIS = "PORTAL_DATABASE_URL", "PORTAL_REDIS_URL"


async def play(console: Console) -> int:
    """Play every step and give how many succeeded."""
    done = 0
    with tempfile.TemporaryDirectory(prefix="zhangting-demo-") as folder:
        database_url, redis_url = os.environ.get(_DATABASE, ""), os.environ.get(_REDIS, "")
        parts = [
            f"your PostgreSQL ({_DATABASE})" if database_url else "a private PostgreSQL",
            f"your Redis ({_REDIS})" if redis_url else "a private Redis",
        ]
        console.print(f"Starting sandbox, web process and worker on {' and '.join(parts)} …", highlight=False)
        stack = running_stack(Path(folder), database_url=database_url, redis_url=redis_url)
        async with stack as running, SandboxControl(running.sandbox_url) as control:
            journey = Journey(running.url, control)
            bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            with bar:
                task = bar.add_task("", total=len(STEPS))
                for step in STEPS:
                    bar.update(task, description=step.title)
                    try:
                        told = await step.play(journey)
                    except AssertionError as failure:
                        console.print(f"[red]✗[/red] [bold]{step.title}[/bold]: {failure}", highlight=False)
                        break
                    done += 1
                    bar.advance(task)
                    console.print(f"[green]✓[/green] [bold]{step.title}[/bold]: {told}", highlight=False)
    return done


def main() -> None:
    console = Console(soft_wrap=True)
    try:
        done = asyncio.run(play(console))
    except StackFailed as failed:
        console.print(str(failed), style="red", markup=False)
        done = 0
    except KeyboardInterrupt:
        console.print("stopped")
        sys.exit(130)
    console.print(f"journey: {done}/{len(STEPS)} steps", highlight=False)
    sys.exit(0 if done == len(STEPS) else 1)


if __name__ == "__main__":
    main()
