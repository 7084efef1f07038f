"""What a run does besides training: progress, checkpoints, metrics, samples."""

from gpt_toolkit.callbacks.checkpoints import Checkpoints
from gpt_toolkit.callbacks.metrics_file import MetricsFile
from gpt_toolkit.callbacks.predictions import Predictions
from gpt_toolkit.callbacks.progress import ProgressLine
from gpt_toolkit.callbacks.samples import Samples

__all__ = ["Checkpoints", "MetricsFile", "Predictions", "ProgressLine", "Samples"]
