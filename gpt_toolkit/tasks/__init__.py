"""LightningModules: pre-training, fine-tuning and generation."""

from gpt_toolkit.tasks.base import BaseTask
from gpt_toolkit.tasks.finetune import FinetuneTask
from gpt_toolkit.tasks.pretrain import PretrainTask
from gpt_toolkit.tasks.prompt_generation import GenerateTask

__all__ = ["BaseTask", "FinetuneTask", "GenerateTask", "PretrainTask"]
