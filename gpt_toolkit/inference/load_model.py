"""Loading of any model for use."""

from __future__ import annotations

from pathlib import Path

import torch

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.checkpoints import StoredModel
from gpt_toolkit.checkpoints.stored_heads import read_heads
from gpt_toolkit.generation.language_model import LanguageModel, read_model
from gpt_toolkit.inference.classifier import Classifier
from gpt_toolkit.tokenizers import Tokenizer


def load(
    model: str | Path, *, device: torch.device | str = "auto", dtype: torch.dtype | None = None
) -> LanguageModel:
    """Load a model to use.

    A model that was fine-tuned with heads is a :class:`~gpt_toolkit.inference.classifier.Classifier`, which
    is a language model, too.

    Args:
        model: A model folder, the folder of a run, a ``.ckpt`` of a training run, or an id of the Hugging
            Face hub such as ``gpt2``, ``openai-gpt`` or ``owner/name``.
        device: Device to compute on; ``auto`` is the accelerator, if one is present, else the CPU.
        dtype: Type to compute in. By default the stored one, or fp32 where the device would emulate it, so
            that scores do not depend on the machine.

    Raises:
        FileNotFoundError: If the model is not found.
        ValueError: If it is not a model, is damaged or is not implemented.
    """
    stored, decoder, tokenizer = read_model(model, device=device, dtype=dtype)
    found = _with_heads(stored, decoder, tokenizer)
    found.training_record = stored.training
    return found


def _with_heads(stored: StoredModel, decoder: Decoder, tokenizer: Tokenizer | None) -> LanguageModel:
    """Return a classifier if the model has heads, else a language model."""
    heads, notes = stored.heads, list(stored.notes)
    if heads is None:
        return LanguageModel(decoder, tokenizer, notes)
    if as_text := [name for name, one in heads.datasets.items() if not one.has_head]:
        notes.append(f"fine-tuned to answer in text: {', '.join(as_text)}")
    if len(as_text) == len(heads.datasets):
        return LanguageModel(decoder, tokenizer, notes, heads.datasets)
    weight = decoder.wte.weight
    modules = read_heads(heads, decoder.config.n_embd, str(stored.source)).to(weight.device, weight.dtype)
    special = heads.has_special_tokens
    return Classifier(decoder, tokenizer, modules, heads.datasets, has_special_tokens=special, notes=notes)
