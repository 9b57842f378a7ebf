from __future__ import annotations

from pathlib import Path

from app.dev import running_stack
from integrations.sandbox.control import SandboxControl
from tests.clusters import lay_out_cluster
from tests.journeys.journey import STEPS, Journey


async def test_the_journey_passes_with_web_and_worker_as_separate_processes(tmp_path: Path, kept: Path) -> None:
    """A lost identity card, from the search to the signature, over HTTP only."""
    lay_out_cluster(tmp_path / "stack" / "postgres", kept)
    async with running_stack(tmp_path / "stack") as stack, SandboxControl(stack.sandbox_url) as control:
        journey = Journey(stack.url, control)
        told = [await step.play(journey) for step in STEPS]
    assert len(told) == len(STEPS)
