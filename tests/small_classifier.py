"""A small classifier with weights far from initialization."""

from collections.abc import Sequence
from typing import Any

import torch

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.batches import TrainedDataset
from gpt_toolkit.checkpoints.stored_heads import build_heads
from gpt_toolkit.inference.classifier import Classifier
from gpt_toolkit.tokenizers import load_tokenizer
from tests.data.fakes import spec
from tests.small_decoder import small_config

LABELS = ("no", "maybe", "yes")
ONE_TEXT = {"text": "text"}


def classifier(
    norm: Norm = "pre", datasets: Sequence[TrainedDataset] | None = None, *, bias: float = 1.0
) -> Classifier:
    """Make a classifier whose weights are far from their initial values."""
    torch.manual_seed(0)
    decoder = Decoder(small_config(norm, vocab_size=260, n_ctx=24))
    datasets = datasets or [TrainedDataset(spec("mood", labels=LABELS), columns=ONE_TEXT)]
    named = {one.spec.name: one for one in datasets}
    heads = build_heads(named, 8, 0.1)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.normal_(std=0.5)
        for head in heads.values():
            linear: Any = head.linear
            linear.weight.normal_()
            linear.bias.normal_(std=bias)
    return Classifier(decoder, load_tokenizer("bytes"), heads, named)
