"""Callbacks of a run: checkpoints, progress, throughput, metrics, samples, predictions, budget, spikes."""

from gpt_toolkit.callbacks.budget import Budget
from gpt_toolkit.callbacks.checkpoint_writer import CheckpointWriter
from gpt_toolkit.callbacks.console import ProgressLine
from gpt_toolkit.callbacks.csv_metrics import MetricsFile
from gpt_toolkit.callbacks.predictions import Predictions
from gpt_toolkit.callbacks.samples import Samples
from gpt_toolkit.callbacks.spikes import Spikes
from gpt_toolkit.callbacks.throughput import Throughput

__all__ = [
    "Budget",
    "CheckpointWriter",
    "MetricsFile",
    "Predictions",
    "ProgressLine",
    "Samples",
    "Spikes",
    "Throughput",
]
