"""Fixtures of the tests of callbacks."""

from tests.small_runs import corpus, fit

__all__ = ["corpus", "fit"]
