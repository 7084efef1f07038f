"""Comparisons of exercises about the decoder, with the learner's function inside a small one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gpt_toolkit.backbone import Decoder, DecoderConfig, KeyValueCache
from gpt_toolkit.backbone.initialization import INITIAL_STD
from gpt_toolkit.exercises.grading import Comparison, Function

SEEDS = (1, 2, 3)


def small_decoder(
    seed: int, norm: Literal["pre", "post"] = "pre", vocab_size: int = 23, n_ctx: int = 16
) -> Decoder:
    """Return a decoder with large random weights, gains and biases, so that each part has an effect."""
    torch.manual_seed(seed)
    config = DecoderConfig(vocab_size, n_ctx, n_layer=2, n_head=3, n_embd=24, norm=norm)
    decoder = Decoder(config).eval()
    for parameter in decoder.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.2)
    return decoder


def random_ids(decoder: Decoder, batch: int = 2, length: int = 9) -> Tensor:
    """Return token ids, (batch, length)."""
    return torch.randint(decoder.config.vocab_size, (batch, length))


def logits_of(decoder: Decoder, ids: Tensor, cache: KeyValueCache | None = None) -> Tensor:
    """Return the logits of a decoder, (B, T, V)."""
    return decoder.logits(decoder(ids, cache))


class Replaced(nn.Module):
    """A function in place of an attention or a block of a decoder.

    Args:
        function: Called with the states, (B, T, D).
    """

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor, *_: object) -> Tensor:
        return self.function(x)


def with_attention(decoder: Decoder, attend: Callable[[int, Tensor, Tensor, Tensor], Tensor]) -> None:
    """Replace the attention of a decoder, between its projections.

    Args:
        decoder: Decoder, changed in place.
        attend: Called with the index of the layer, and with query, key and value, (B, H, T, K).
    """
    for layer, block in enumerate(decoder.h):

        def attention(x: Tensor, attn: Any = block.attn, layer: int = layer) -> Tensor:
            heads = attn.c_attn(x).view(*x.shape[:2], 3, attn.n_head, -1)
            mixed = attend(layer, *heads.permute(2, 0, 3, 1, 4))  # (B, H, T, K)
            return attn.c_proj(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

        block.attn = Replaced(attention)


def causal_mask(answer: Function) -> Iterator[Comparison]:
    """Compare masks, and a decoder that reads a text in two parts."""
    for length, past in ((2, 1), (1, 0), (4, 0), (3, 4), (1, 6)):
        expected = torch.tensor([[j <= past + i for j in range(past + length)] for i in range(length)])
        yield f"causal_mask({length}, {past})", answer(length, past), expected

    class MaskedCache(KeyValueCache):
        def mask(self, n_positions: int) -> Any:
            return answer(n_positions, self.length) if self.length else super().mask(n_positions)

    for seed in SEEDS:
        decoder = small_decoder(seed)
        ids = random_ids(decoder)
        expected = logits_of(decoder, ids)
        cache = MaskedCache(decoder.config, len(ids), dtype=torch.float32)
        parts = [logits_of(decoder, part, cache) for part in (ids[:, :4], ids[:, 4:])]
        yield "logits of a decoder with your mask", torch.cat(parts, dim=1), expected


def attend(answer: Function) -> Iterator[Comparison]:
    """Compare outputs with torch's, and the logits of a decoder."""
    for seed in SEEDS:
        torch.manual_seed(seed)
        query, key, value = torch.randn(3, 2, 3, 5, 4)
        expected = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        yield "output", answer(query, key, value), expected
        decoder = small_decoder(seed)
        ids = random_ids(decoder)
        expected = logits_of(decoder, ids)
        with_attention(decoder, lambda _, *heads: answer(*heads))
        yield "logits of a decoder with your attention", logits_of(decoder, ids), expected


def tied_logits(answer: Function) -> Iterator[Comparison]:
    """Compare logits without blocks, and with those of a decoder of each paper."""
    eye = torch.eye(3)
    given = answer(torch.tensor([[0, 2]]), eye, torch.zeros(4, 3), lambda x: x)
    yield "logits without blocks", given, torch.tensor([[[1.0, 0, 0], [0, 0, 1]]])
    for seed in SEEDS:
        for norm in ("post", "pre"):
            decoder = small_decoder(seed, norm)
            ids = random_ids(decoder)

            def blocks(x: Tensor, decoder: Decoder = decoder) -> Tensor:
                return decoder.ln_f(nn.Sequential(*decoder.h)(x))  # type: ignore[no-any-return]

            given = answer(ids, decoder.wte.weight, decoder.wpe.weight, blocks)
            yield "logits of a decoder", given, logits_of(decoder, ids)


def post_norm_block(answer: Function) -> Iterator[Comparison]:
    """Compare the block of GPT-1."""
    return _block(answer, "post")


def pre_norm_block(answer: Function) -> Iterator[Comparison]:
    """Compare the block of GPT-2."""
    return _block(answer, "pre")


def _block(answer: Function, norm: Literal["pre", "post"]) -> Iterator[Comparison]:
    for seed in SEEDS:
        decoder = small_decoder(seed, norm)
        ids = random_ids(decoder)
        x = torch.randn(2, 5, decoder.config.n_embd)
        logits, first = logits_of(decoder, ids), decoder.h[0]
        yield "output of one block", _call_block(answer, first, x), first(x)
        for layer, block in enumerate(decoder.h):
            decoder.h[layer] = Replaced(partial(_call_block, answer, block))
        yield "logits of a decoder with your block", logits_of(decoder, ids), logits


def _call_block(answer: Function, block: Any, x: Tensor) -> Tensor:
    return answer(x, block.attn, block.mlp, block.ln_1, block.ln_2)  # type: ignore[no-any-return]


def initial_std(answer: Function) -> Iterator[Comparison]:
    """Compare with weights that the toolkit draws with and without scaling from the same random numbers."""
    yield 'initial_std("h.3.mlp.c_proj", 8)', answer("h.3.mlp.c_proj", 8), 0.005
    for n_layer in (1, 3):
        plain, scaled = (_initial_matrices(n_layer, residual_init) for residual_init in ("plain", "scaled"))
        for name, weight in scaled.items():
            expected = INITIAL_STD * float((weight / plain[name]).mean())
            yield f'initial_std("{name}", {n_layer})', answer(name, n_layer), expected


def _initial_matrices(n_layer: int, residual_init: str) -> dict[str, Tensor]:
    fields = {"vocab_size": 23, "n_ctx": 16, "n_layer": n_layer, "n_head": 2, "n_embd": 8}
    torch.manual_seed(n_layer)
    decoder = Decoder(DecoderConfig.from_fields({**fields, "residual_init": residual_init}))
    return {name: one.weight for name, one in decoder.named_modules() if isinstance(one, nn.Linear)}


def attend_with_cache(answer: Function) -> Iterator[Comparison]:
    """Compare one step, and the logits of a decoder that reads a text token by token."""
    for seed in SEEDS:
        torch.manual_seed(seed)
        query, key, value = torch.randn(3, 2, 3, 5, 4)
        expected = nn.functional.scaled_dot_product_attention(query[:, :, 4:], key, value)
        given = answer(*(one[:, :, 4:] for one in (query, key, value)), key[:, :, :4], value[:, :, :4])
        yield "output, keys and values", given, (expected, key, value)
        decoder = small_decoder(seed)
        ids = random_ids(decoder)
        logits = logits_of(decoder, ids)
        empty = torch.zeros(len(ids), decoder.config.n_head, 0, decoder.config.head_width)
        past = [(empty, empty)] * decoder.config.n_layer

        def step(layer: int, *heads: Tensor, past: list[tuple[Tensor, Tensor]] = past) -> Any:
            mixed, *past[layer] = answer(*heads, *past[layer])
            return mixed

        with_attention(decoder, step)
        positions = KeyValueCache(decoder.config, len(ids), dtype=torch.float32)
        steps = [logits_of(decoder, ids[:, t : t + 1], positions) for t in range(ids.shape[1])]
        yield "logits of a decoder, token by token", torch.cat(steps, dim=1), logits
