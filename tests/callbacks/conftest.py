"""The small corpus and the runs on it that the tests of tasks use."""

from tests.tasks.conftest import corpus, fit

__all__ = ["corpus", "fit"]
