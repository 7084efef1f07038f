"""Exercise gpt2-2.3b: initial weights of the residual layers (GPT-2 §2.3).

The paper: "we scale the weights of residual layers at initialization by a factor of 1/sqrt(N) where N is the
number of residual layers". A residual layer is a matrix whose output is added to the residual stream. Each
block has two, the output projection of attention and that of the MLP. Both are called c_proj. All other
matrices have the standard deviation 0.02.

Names: h.0.attn.c_attn, h.0.attn.c_proj, h.0.mlp.c_fc, h.0.mlp.c_proj, h.1.attn.c_attn, and so on.

Example: initial_std("h.3.mlp.c_proj", 8) is 0.005.
"""

import math


def initial_std(name: str, n_layer: int) -> float:
    """Return the standard deviation of a matrix at initialization.

    Args:
        name: Name of the matrix.
        n_layer: Number of blocks of the decoder.
    """
    # %% solution
    return 0.02 / math.sqrt(2 * n_layer) if name.endswith("c_proj") else 0.02
    # %% mistake: N is the number of blocks; each block has two residual layers, attention and MLP
    return 0.02 / math.sqrt(n_layer) if name.endswith("c_proj") else 0.02
    # %% mistake: every matrix is scaled; expected only those whose output is added to the residual stream
    return 0.02 / math.sqrt(2 * n_layer)
    # %% mistake: the root is missing: the factor is 1 / sqrt(N)
    return 0.02 / (2 * n_layer) if name.endswith("c_proj") else 0.02
    # %% mistake: only the MLP's projection is scaled; attention's c_proj is a residual layer, too
    return 0.02 / math.sqrt(2 * n_layer) if name.endswith("mlp.c_proj") else 0.02
    # %% mistake: only attention's projection is scaled; the MLP's c_proj is a residual layer, too
    return 0.02 / math.sqrt(2 * n_layer) if name.endswith("attn.c_proj") else 0.02
    # %% mistake: nothing is scaled: these are the initial weights of GPT-1
    return 0.02
    # %% mistake: the factor depends on the place of the block; N is the same for all blocks of a decoder
    place = int(name.split(".")[1]) + 1
    return 0.02 / math.sqrt(2 * place) if name.endswith("c_proj") else 0.02
