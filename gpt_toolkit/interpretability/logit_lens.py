"""Logit lens: the next token as it would be predicted after each layer (nostalgebraist, 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.trace import Trace


class Prediction(NamedTuple):
    """Likeliest next tokens at each position of a text, and the actual one.

    Attributes:
        tokens: Ids of the likeliest tokens, the likeliest first, ``(T, n)``.
        probabilities: Their probabilities, ``(T, n)``.
        actual: Probability of the token that follows, ``(T - 1,)``.
        rank: Number of tokens that are likelier than it, plus 1, ``(T - 1,)``.
    """

    tokens: Tensor
    probabilities: Tensor
    actual: Tensor
    rank: Tensor


@torch.no_grad()
def logit_lens(
    decoder: Decoder, trace: Trace, *, vocab_size: int, n_tokens: int = 1
) -> Iterator[tuple[str, Prediction]]:
    """Yield the name of each state of the residual stream between layers, and what it predicts.

    A state is mapped to logits as the final one is: by ``ln_f``, which GPT-1 does not have, and the token
    embeddings. The last prediction is the model's own.

    Args:
        decoder: The decoder.
        trace: Its activations for one text.
        vocab_size: Number of token ids; later rows of the token matrix are padding.
        n_tokens: Number of likeliest tokens.

    Raises:
        ValueError: If a state has no finite logits.
    """
    following = trace.input_ids[1:, None]
    names = ["embed", *(f"h.{layer}.resid_post" for layer in range(decoder.config.n_layer))]
    for name in names:
        probabilities = decoder.logits(decoder.ln_f(trace[name]))[:, :vocab_size].float().softmax(dim=-1)
        if not bool(probabilities.isfinite().all()):
            raise ValueError("the model's logits are not finite: its weights are damaged or have diverged")
        likeliest = probabilities.topk(min(n_tokens, vocab_size))
        actual = probabilities[:-1].gather(1, following)
        rank = (probabilities[:-1] > actual).sum(dim=1) + 1
        yield name, Prediction(likeliest.indices, likeliest.values, actual[:, 0], rank)
