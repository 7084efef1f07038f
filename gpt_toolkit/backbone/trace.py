"""Named activations of a decoder, recorded and replaced by hooks while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.backbone.decoder import Decoder
from gpt_toolkit.suggestions import did_you_mean

Replacement = Tensor | Callable[[Tensor], Tensor]
"""New value of an activation, or a function from the value to the new one."""

_OF_A_LAYER = (
    *("resid_pre", "attn.pattern", "attn.heads", "attn.out", "resid_mid"),
    *("mlp.hidden", "mlp.out", "resid_post"),
)


def activation_names(config: DecoderConfig) -> list[str]:
    """Return the names of all activations, in the order in which they are computed."""
    layers = [f"h.{layer}.{name}" for layer in range(config.n_layer) for name in _OF_A_LAYER]
    return ["embed", *layers, "final", "logits"]


class Trace(Mapping[str, Tensor]):
    """Activations of a decoder for one text or for a batch, by name.

    The names are the same for GPT-1 and GPT-2. ``i`` counts layers from 0. ``H`` is the number of heads,
    ``T`` the number of tokens and ``D`` the width of the states. A batch adds a first dimension.

    | Name | Shape | Value in GPT-2 | Value in GPT-1, if it differs |
    |---|---|---|---|
    | ``embed`` | ``(T, D)`` | token plus position embeddings | |
    | ``h.i.resid_pre`` | ``(T, D)`` | residual stream before the layer | |
    | ``h.i.attn.pattern`` | ``(H, T, T)`` | attention probabilities; a row attends to the columns | |
    | ``h.i.attn.heads`` | ``(H, T, D)`` | output of each head after the output projection | |
    | ``h.i.attn.out`` | ``(T, D)`` | sum of the heads plus the projection's bias | |
    | ``h.i.resid_mid`` | ``(T, D)`` | ``resid_pre + attn.out`` | ``ln_1(resid_pre + attn.out)`` |
    | ``h.i.mlp.hidden`` | ``(T, 4 D)`` | hidden layer of the MLP, after GELU | |
    | ``h.i.mlp.out`` | ``(T, D)`` | output of the MLP | |
    | ``h.i.resid_post`` | ``(T, D)`` | ``resid_mid + mlp.out`` | ``ln_2(resid_mid + mlp.out)`` |
    | ``final`` | ``(T, D)`` | ``ln_f`` of the last ``resid_post`` | the last ``resid_post`` |
    | ``logits`` | ``(T, V)`` | scores of the next token | |

    Patterns, heads and logits are large. They are computed when they are read.

    Attributes:
        input_ids: The token ids, ``(T,)`` or ``(B, T)``.
    """

    def __init__(self, decoder: Decoder, input_ids: Tensor) -> None:
        self.input_ids = input_ids
        self._decoder = decoder
        self._values: dict[str, Callable[[], Tensor]] = {}

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._values:
            raise KeyError(f"no activation {name}{did_you_mean(name, self._values)}")
        with torch.no_grad():
            value = self._values[name]()
        return value if self.input_ids.ndim == 2 else value[0]

    def __iter__(self) -> Iterator[str]:
        return iter(name for name in activation_names(self._decoder.config) if name in self._values)

    def __len__(self) -> int:
        return len(self._values)

    @torch.no_grad()
    def parts(self) -> dict[str, Tensor]:
        """Split the final hidden states into contributions, each of the shape of ``final``.

        The contributions are ``embed``, ``h.i.attn.head.j`` of each head, ``h.i.mlp.out`` of each MLP, and
        ``biases``, which do not depend on the text. Later norms of the stream apply to every contribution,
        with the scale that they have for this text. Then the contributions sum to ``final``. The sum does not
        hold if ``attn.out`` or the residual stream was replaced.
        """
        parts = {"embed": self["embed"], "biases": torch.zeros_like(self["embed"])}
        is_post = self._decoder.config.norm == "post"
        for layer, block in enumerate(_blocks(self._decoder)):
            names = ("resid_pre", "attn", "resid_mid", "mlp.out")
            pre, attn, mid, mlp = (f"h.{layer}.{name}" for name in names)
            for head, output in enumerate(self[f"{attn}.heads"].unbind(-3)):
                parts[f"{attn}.head.{head}"] = output
            parts["biases"] = parts["biases"] + block.attn.c_proj.bias
            if is_post:
                parts = _normalize_parts(parts, block.ln_1, self[pre] + self[f"{attn}.out"])
            parts[mlp] = self[mlp]
            if is_post:
                parts = _normalize_parts(parts, block.ln_2, self[mid] + self[mlp])
        if is_post:
            return parts
        final_norm: Any = self._decoder.ln_f
        return _normalize_parts(parts, final_norm, self[f"h.{self._decoder.config.n_layer - 1}.resid_post"])


@torch.no_grad()
def trace(
    decoder: Decoder,
    input_ids: Tensor,
    *,
    replace: Mapping[str, Replacement] | None = None,
    keep: Iterable[str] | None = None,
) -> Trace:
    """Run a decoder and record its activations.

    Args:
        decoder: In evaluation mode.
        input_ids: ``(T,)`` or ``(B, T)``, int64.
        replace: New values of activations, by name. What follows is computed from them.
        keep: Names of the activations to record; all of them unless given.

    Raises:
        ValueError: If a name is unknown, a new value has another shape, or the text exceeds the context.
    """
    names = activation_names(decoder.config)
    replace = replace or {}
    kept = set(names if keep is None else keep)
    for name in (*replace, *kept):
        if name not in names:
            raise ValueError(
                f"activation: {name}; expected a name such as h.0.attn.pattern{did_you_mean(name, names)}"
            )
    found = Trace(decoder, input_ids)
    is_single = input_ids.ndim == 1

    def visit(name: str, compute: Callable[[], Tensor]) -> Tensor | None:
        """Record an activation; return its new value if it is replaced."""
        new = None
        if name in replace:
            old = compute()
            new = _replaced(name, old[0] if is_single else old, replace[name])
            new = new[None] if is_single else new
            compute = new.detach
        if name in kept:
            found._values[name] = compute
        return new

    with ExitStack() as hooks:
        for handle in _install(decoder, visit):
            hooks.enter_context(handle)
        hidden = decoder(input_ids[None] if is_single else input_ids)
    visit("logits", partial(decoder.logits, hidden))
    return found


def _blocks(decoder: Decoder) -> Iterable[Any]:
    return decoder.h  # of modules, whose attributes torch does not type


Visit = Callable[[str, Callable[[], Tensor]], Tensor | None]


def _install(decoder: Decoder, visit: Visit) -> Iterator[Any]:
    """Install the hooks and yield their handles."""

    def on_output(module: nn.Module, name: str) -> Any:
        return module.register_forward_hook(lambda _, args, out: visit(name, out.detach))

    def on_input(module: nn.Module, name: str) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
            new = visit(name, args[0].detach)
            return None if new is None else (new, *args[1:])

        return module.register_forward_pre_hook(hook)

    yield on_output(decoder.drop, "embed")
    for layer, block in enumerate(_blocks(decoder)):
        at = f"h.{layer}"
        yield on_input(block, f"{at}.resid_pre")
        yield from _install_attention(block.attn, f"{at}.attn", visit)
        yield on_output(block.attn, f"{at}.attn.out")
        if block.norm_first:
            yield block.ln_2.register_forward_pre_hook(partial(_replace_stream, visit, f"{at}.resid_mid"))
        else:
            yield on_output(block.ln_1, f"{at}.resid_mid")
        yield on_input(block.mlp.c_proj, f"{at}.mlp.hidden")
        yield on_output(block.mlp, f"{at}.mlp.out")
        yield on_output(block, f"{at}.resid_post")
    yield on_output(decoder.ln_f, "final")


def _replace_stream(visit: Visit, name: str, _: nn.Module, args: tuple[Tensor]) -> None:
    [stream] = args
    if (new := visit(name, stream.detach)) is not None:
        stream.copy_(new)  # in place, because the residual stream goes around the norm


def _install_attention(attention: Any, name: str, visit: Visit) -> Iterator[Any]:
    """Install the hooks inside attention, whose fused kernels give neither patterns nor heads."""
    projected: list[Tensor] = []
    n_head = attention.n_head

    def after_projection(_: nn.Module, args: Any, out: Tensor) -> None:
        projected[:] = [out]

    def before_output(_: nn.Module, args: tuple[Tensor]) -> tuple[Tensor] | None:
        new = visit(f"{name}.pattern", partial(_pattern, projected[0], n_head))
        if new is None:
            return None
        _, _, value = _by_head(projected[0], n_head)
        return ((new @ value).transpose(1, 2).flatten(2),)  # (B, T, D)

    def after_output(_: nn.Module, args: tuple[Tensor], out: Tensor) -> Tensor | None:
        heads = visit(f"{name}.heads", partial(_heads, args[0], attention.c_proj.weight, n_head))
        return None if heads is None else heads.sum(dim=1) + attention.c_proj.bias

    yield attention.c_attn.register_forward_hook(after_projection)
    yield attention.c_proj.register_forward_pre_hook(before_output)
    yield attention.c_proj.register_forward_hook(after_output)


def _by_head(projected: Tensor, n_head: int) -> Tensor:
    """Return query, key and value of each head, ``(3, B, H, T, K)``, from ``(B, T, 3 D)``."""
    batch, length = projected.shape[:2]
    return projected.view(batch, length, 3, n_head, -1).permute(2, 0, 3, 1, 4)


def _pattern(projected: Tensor, n_head: int) -> Tensor:
    """Return attention probabilities ``(B, H, T, T)``."""
    query, key, _ = _by_head(projected, n_head).float()
    scores = query @ key.mT / query.shape[-1] ** 0.5
    future = torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1)
    return scores.masked_fill_(future, -torch.inf).softmax(dim=-1).to(projected.dtype)  # type: ignore[no-any-return]


def _heads(mixed: Tensor, weight: Tensor, n_head: int) -> Tensor:
    """Return what each head adds to the stream, ``(B, H, T, D)``, from the mixed values ``(B, T, D)``."""
    values = mixed.view(*mixed.shape[:2], n_head, -1)  # (B, T, H, K)
    return torch.einsum("bthk,dhk->bhtd", values, weight.view(len(weight), n_head, -1))


def _replaced(name: str, old: Tensor, replacement: Replacement) -> Tensor:
    new = replacement if isinstance(replacement, Tensor) else replacement(old.clone())
    if not isinstance(new, Tensor) or new.shape != old.shape:
        given = tuple(new.shape) if isinstance(new, Tensor) else type(new).__name__
        raise ValueError(
            f"replace {name}: {given}; expected a tensor of shape {tuple(old.shape)}; give one of the "
            "activation's shape, or a function that returns one"
        )
    return new.to(old)


def _normalize_parts(parts: Mapping[str, Tensor], norm: nn.LayerNorm, stream: Tensor) -> dict[str, Tensor]:
    """Apply a norm to contributions to a stream, with the scale that it has for the whole stream."""
    scale = (stream.var(-1, correction=0, keepdim=True) + norm.eps).rsqrt() * norm.weight
    normalized = {name: (part - part.mean(-1, keepdim=True)) * scale for name, part in parts.items()}
    normalized["biases"] = normalized["biases"] + norm.bias
    return normalized
