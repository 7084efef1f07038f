"""Fixtures of the tests of tasks."""

from tests.small_runs import corpus, fit

__all__ = ["corpus", "fit"]
