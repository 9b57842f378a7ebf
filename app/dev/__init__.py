"""Without this package a newcomer would start seven programs by hand, in the right order, in seven terminals."""

from app.dev.stack import Stack, StackFailed, running_stack
from app.dev.terminal import run

__all__ = ["Stack", "StackFailed", "run", "running_stack"]
