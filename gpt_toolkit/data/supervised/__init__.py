"""Labelled rows: GPT-1 Table 1's sets, the built-in world's and one's own, from files or the hub."""

from gpt_toolkit.data.supervised.example import Example, SupervisedSet
from gpt_toolkit.data.supervised.open_dataset import open_set

__all__ = ["Example", "SupervisedSet", "open_set"]
