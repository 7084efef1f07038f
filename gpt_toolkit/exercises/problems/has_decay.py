"""Exercise gpt1-4.1c: which parameters have weight decay (GPT-1 §4.1).

The paper: "a modified version of L2 regularization [...], with w = 0.01 on all non bias or gain weights".
Gains are the weights of layer norms. Matrices and embeddings decay.

Names of the parameters: wte.weight, wpe.weight (embeddings), h.0.attn.c_attn.weight, h.0.attn.c_attn.bias,
h.0.ln_1.weight (gain), h.0.ln_1.bias, and so on.

Example: has_decay("h.0.mlp.c_fc.weight", ...) is True, has_decay("h.0.mlp.c_fc.bias", ...) is False.
"""

from torch import Tensor


def has_decay(name: str, parameter: Tensor) -> bool:
    """Return whether the optimizer decays a parameter.

    Args:
        name: Name of the parameter in the decoder.
        parameter: The parameter: a matrix (rank 2) or a vector (rank 1).
    """
    # %% solution
    return parameter.ndim >= 2
    # %% mistake: all parameters decay; expected no decay of biases and gains
    return True
    # %% mistake: the gains of the layer norms decay; their names end in weight, but they are gains (rank 1)
    return not name.endswith("bias")
    # %% mistake: biases decay; expected no decay of biases and gains
    return ".ln_" not in name and not name.startswith("ln_")
    # %% mistake: the embeddings do not decay; the paper excludes biases and gains only
    return parameter.ndim >= 2 and name.startswith("h.")
    # %% mistake: the position embeddings do not decay; the paper excludes biases and gains only
    return parameter.ndim >= 2 and not name.startswith("wpe")
    # %% mistake: True and False are exchanged; expected decay of matrices and none of biases and gains
    return parameter.ndim < 2
