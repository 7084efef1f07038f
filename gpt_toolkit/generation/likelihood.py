"""How likely a decoder finds a given text."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.generation.decoding import check_ids, plain_evaluation


@torch.inference_mode()
def score(
    decoder: Decoder,
    context_ids: Sequence[int],
    continuation_ids: Sequence[int],
    *,
    vocab_size: int | None = None,
) -> tuple[float, bool]:
    """How likely a continuation is.

    Args:
        decoder: Evaluated without dropout, whatever its mode.
        context_ids: At least one token; end-of-text where there is no context.
        continuation_ids: What follows it.
        vocab_size: Ids from here on are padding of the token matrix and get no probability.

    Returns:
        The summed natural-log probability of the continuation's tokens, each given all before it, and
        whether each is the likeliest at its place, so that greedy decoding gives the continuation.

    Raises:
        ValueError: If the context is empty, a token is not in the vocabulary, or both together do not fit
            into the context length.
    """
    if not context_ids:
        raise ValueError("the context holds no token; begin it with the end-of-text token")
    n = len(continuation_ids)
    if n == 0:
        return 0.0, True
    vocab_size = decoder.config.vocab_size if vocab_size is None else vocab_size
    tokens = [*context_ids, *continuation_ids]
    check_ids(tokens, vocab_size)
    if len(tokens) - 1 > decoder.config.n_ctx:
        raise ValueError(
            f"context and continuation have {len(tokens)} tokens, the context length {decoder.config.n_ctx} "
            f"allows {decoder.config.n_ctx + 1}; shorten the context"
        )
    device = decoder.wte.weight.device
    ids = torch.tensor([tokens], device=device)  # (1, T + 1)
    labels = ids[0, -n:]
    with plain_evaluation(decoder, device):
        hidden = decoder(ids[:, :-1])[0, -n:]  # (n, D)
        logits = decoder.logits(hidden)[:, :vocab_size].float()  # (n, V)
    log_probabilities = logits.log_softmax(dim=-1).gather(1, labels[:, None])
    return log_probabilities.double().sum().item(), bool((logits.argmax(dim=-1) == labels).all())
