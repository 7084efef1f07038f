"""GPT-1 and GPT-2 on PyTorch Lightning: pre-training, fine-tuning and zero-shot evaluation on one backbone.

The papers, as they are cited throughout:

* GPT-1: Radford, Narasimhan, Salimans, Sutskever, "Improving Language Understanding by Generative
  Pre-Training", 2018. Released code: finetune-transformer-lm.
* GPT-2: Radford, Wu, Child, Luan, Amodei, Sutskever, "Language Models are Unsupervised Multitask Learners",
  2019. Released code: gpt-2.

Names are loaded on first use: importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpt_toolkit.backbone import Decoder, DecoderConfig
    from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
    from gpt_toolkit.data.supervised.datamodule import SupervisedDataModule
    from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
    from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
    from gpt_toolkit.generation.language_model import LanguageModel
    from gpt_toolkit.inference.classifier import Classifier
    from gpt_toolkit.inference.load_model import load
    from gpt_toolkit.tasks import FinetuneTask, PretrainTask
    from gpt_toolkit.tokenizers import Tokenizer, load_tokenizer

_HOME = {
    "Classifier": "gpt_toolkit.inference.classifier",
    "CorpusDataModule": "gpt_toolkit.data.pretraining.datamodule",
    "Decoder": "gpt_toolkit.backbone",
    "DecoderConfig": "gpt_toolkit.backbone",
    "FinetuneTask": "gpt_toolkit.tasks",
    "LanguageModel": "gpt_toolkit.generation.language_model",
    "PretrainTask": "gpt_toolkit.tasks",
    "SupervisedDataModule": "gpt_toolkit.data.supervised.datamodule",
    "Tokenizer": "gpt_toolkit.tokenizers",
    "ZeroShotDataModule": "gpt_toolkit.evaluation.datamodule",
    "ZeroShotTask": "gpt_toolkit.evaluation.zero_shot_task",
    "load": "gpt_toolkit.inference.load_model",
    "load_tokenizer": "gpt_toolkit.tokenizers",
}

__all__ = [
    "Classifier",
    "CorpusDataModule",
    "Decoder",
    "DecoderConfig",
    "FinetuneTask",
    "LanguageModel",
    "PretrainTask",
    "SupervisedDataModule",
    "Tokenizer",
    "ZeroShotDataModule",
    "ZeroShotTask",
    "load",
    "load_tokenizer",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'gpt_toolkit' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
