"""Exercise gpt1-3.1d: from token ids to logits (GPT-1 §3.1, eq. 2).

The paper: h_0 = U W_e + W_p, then the blocks, then P(u) = softmax(h_n W_e^T). U are the tokens, W_e is the
token embedding matrix, W_p the position embedding matrix. The same matrix W_e is used at both ends.

Return logits: the loss applies the softmax itself.

Example: with blocks that change nothing and wpe of zeros, the logit of token v at a position with token u is
the dot product of wte[u] and wte[v].
"""

import math
from collections.abc import Callable

from torch import Tensor


def tied_logits(ids: Tensor, wte: Tensor, wpe: Tensor, blocks: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the scores of the next token at each position, (B, T, V).

    Args:
        ids: (B, T), int64, token ids. T can be less than n_ctx.
        wte: (V, D), token embeddings W_e.
        wpe: (n_ctx, D), position embeddings W_p.
        blocks: Function of all blocks, (B, T, D) to (B, T, D).
    """
    # %% solution
    hidden = blocks(wte[ids] + wpe[: ids.shape[1]])  # (B, T, D)
    return hidden @ wte.T
    # %% mistake: the position embeddings are missing: without them attention cannot tell the order of tokens
    return blocks(wte[ids]) @ wte.T
    # %% mistake: positions count from 1; the first token has position 0
    return blocks(wte[ids] + wpe[1 : ids.shape[1] + 1]) @ wte.T
    # %% mistake: the token embeddings are scaled by the root of their width, as in the Transformer of 2017;
    # GPT does not scale them
    return blocks(wte[ids] * math.sqrt(wte.shape[1]) + wpe[: ids.shape[1]]) @ wte.T
    # %% mistake: these are probabilities; expected logits, without the softmax
    return (blocks(wte[ids] + wpe[: ids.shape[1]]) @ wte.T).softmax(dim=-1)
    # %% mistake: the positions are added after the blocks; the blocks need them
    return (blocks(wte[ids]) + wpe[: ids.shape[1]]) @ wte.T
