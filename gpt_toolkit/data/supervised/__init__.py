"""Labeled datasets for fine-tuning: GPT-1's Table 1, Storyworld's, and custom files."""

from gpt_toolkit.data.supervised.dataset import Example, SupervisedDataset
from gpt_toolkit.data.supervised.open_dataset import open_dataset

__all__ = ["Example", "SupervisedDataset", "open_dataset"]
