"""LightningModules: one for each way in which the papers use the decoder."""

from gpt_toolkit.tasks.base import BaseTask
from gpt_toolkit.tasks.pretrain import PretrainTask

__all__ = ["BaseTask", "PretrainTask"]
