"""Exercise gpt1-3.1b: the causal mask (GPT-1 §3.1, eq. 2).

The paper: the model is a stack of masked self-attention layers. A position sees itself and those before it,
never the token that it has to predict.

When text is generated, the keys of the first `past` positions are already cached, and only `length` new
positions are computed. New position i is position past + i of the text.

Example: causal_mask(2, 1) is [[True, True, False], [True, True, True]].
"""

import torch
from torch import Tensor


def causal_mask(length: int, past: int) -> Tensor:
    """Return which keys each new position may attend to: (length, past + length), bool, True if visible.

    Args:
        length: Number of new positions, the rows.
        past: Number of positions before them, whose keys are the first columns.
    """
    # %% solution
    return torch.ones(length, past + length, dtype=torch.bool).tril(past)
    # %% mistake: a position cannot see itself; its own token is known, only the next one is not
    return torch.ones(length, past + length, dtype=torch.bool).tril(past - 1)
    # %% mistake: the mask ignores the past: new position i is position past + i of the text
    return torch.ones(length, past + length, dtype=torch.bool).tril()
    # %% mistake: the mask shows the future and hides the past; rows are the positions that look, columns
    # those that are seen
    return torch.ones(length, past + length, dtype=torch.bool).triu(past)
    # %% mistake: True and False are exchanged: True means visible
    return torch.ones(length, past + length, dtype=torch.bool).triu(past + 1)
    # %% mistake: nothing is hidden: position i must not see position i + 1
    return torch.ones(length, past + length, dtype=torch.bool)
