"""Fixtures of the tests of commands."""

from tests.commands import place, tell

__all__ = ["place", "tell"]
