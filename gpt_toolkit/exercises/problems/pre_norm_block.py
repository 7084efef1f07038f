"""Exercise gpt2-2.3: a block of GPT-2 (GPT-2 §2.3).

The paper: layer normalization "was moved to the input of each sub-block". Each sublayer is x +
sublayer(norm(x)) ("pre-norm"), first with self-attention, then with the MLP. (One more norm follows the last
block. It is not part of a block.)

Example: with attn and mlp that return zeros, the result is x.
"""

from collections.abc import Callable

from torch import Tensor


def pre_norm_block(
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
    x = x + attn(ln_1(x))
    return x + mlp(ln_2(x))
    # %% mistake: the norms stand after the sums: this is the block of GPT-1 (§4.1)
    x = ln_1(x + attn(x))
    return ln_2(x + mlp(x))
    # %% mistake: the residual is the normalized input; expected x itself, so that a path without norms leads
    # from the embeddings to the last block
    x = ln_1(x)
    x = ln_2(x + attn(x))
    return x + mlp(x)
    # %% mistake: attention and MLP work side by side on the same input, as in GPT-J; in GPT-2 the MLP reads
    # the sum with attention
    return x + attn(ln_1(x)) + mlp(ln_2(x))
    # %% mistake: the residual connections are missing; expected x + sublayer(norm(x))
    return mlp(ln_2(attn(ln_1(x))))
    # %% mistake: the norms stand after attn and mlp; expected on their inputs
    x = x + ln_1(attn(x))
    return x + ln_2(mlp(x))
    # %% mistake: the MLP reads states that are not normalized; expected mlp(ln_2(x))
    x = x + attn(ln_1(x))
    return x + mlp(x)
    # %% mistake: both sublayers use the same norm; the block has two with their own gains
    x = x + attn(ln_1(x))
    return x + mlp(ln_1(x))
