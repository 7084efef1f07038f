"""Fixtures of runs and commands."""

from tests.commands import place, tell
from tests.small_runs import corpus, fit

__all__ = ["corpus", "fit", "place", "tell"]
