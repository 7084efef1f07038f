"""Exercise gpt1-4.1: a block of GPT-1 (GPT-1 §4.1).

The paper follows the original Transformer: each sublayer is norm(x + sublayer(x)), first with self-attention,
then with the position-wise feed-forward network (MLP). The norm stands after the sum ("post-norm").

Example: with attn and mlp that return zeros, the result is ln_2(ln_1(x)).
"""

from collections.abc import Callable

from torch import Tensor


def post_norm_block(
    x: Tensor,
    attn: Callable[[Tensor], Tensor],
    mlp: Callable[[Tensor], Tensor],
    ln_1: Callable[[Tensor], Tensor],
    ln_2: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return the output of one block, (B, T, D).

    Args:
        x: (B, T, D), states of all positions.
        attn: Masked self-attention, (B, T, D) to (B, T, D).
        mlp: Feed-forward network, (B, T, D) to (B, T, D).
        ln_1: First layer norm, (B, T, D) to (B, T, D).
        ln_2: Second layer norm.
    """
    # %% solution
    x = ln_1(x + attn(x))
    return ln_2(x + mlp(x))
    # %% mistake: the norms stand before attn and mlp: this is the block of GPT-2 (§2.3)
    x = x + attn(ln_1(x))
    return x + mlp(ln_2(x))
    # %% mistake: the norm does not include the residual; expected norm(x + sublayer(x)), not x +
    # norm(sublayer(x))
    x = x + ln_1(attn(x))
    return x + ln_2(mlp(x))
    # %% mistake: the residual connections are missing; expected norm(x + sublayer(x))
    return ln_2(mlp(ln_1(attn(x))))
    # %% mistake: the MLP's residual is the input of the block; expected the output of the first norm
    return ln_2(x + mlp(ln_1(x + attn(x))))
    # %% mistake: the second norm is missing: GPT-1 normalizes the sum of the MLP, too
    x = ln_1(x + attn(x))
    return x + mlp(x)
    # %% mistake: both sums use the same norm; the block has two with their own gains
    x = ln_1(x + attn(x))
    return ln_1(x + mlp(x))
    # %% mistake: the order is MLP, then attention; expected attention first
    x = ln_1(x + mlp(x))
    return ln_2(x + attn(x))
