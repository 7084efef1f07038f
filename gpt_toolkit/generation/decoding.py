"""Decoding of token ids: each step reads the newest token of every sequence and chooses the next."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Generator, Iterator, Sequence

import torch
from torch import Tensor

from gpt_toolkit.backbone import Decoder, KeyValueCache
from gpt_toolkit.backbone.kv_cache import cache_dtype
from gpt_toolkit.generation.sampling import Generators, Sampling, TopPRule, choose


def generate(
    decoder: Decoder,
    input_ids: Tensor | Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    top_p_rule: TopPRule = "keep",
    repetition_penalty: float = 1.0,
    stop_ids: Collection[int] = (),
    vocab_size: int | None = None,
    generator: Generators = None,
) -> list[list[int]]:
    """Continue prompts, from token ids to token ids.

    Args:
        decoder: Computes in the dtype of its parameters. Cast the module for bf16, since autocast would cast
            every matrix again for every token. Evaluated without dropout, whatever its mode. For more than a
            few tokens on a CPU, pass it through :func:`~gpt_toolkit.backbone.packed_linear.pack` first.
        input_ids: ``(B, T)``, int64, or lists of unequal length; at least one and at most ``n_ctx`` tokens
            each. A prompt gets the tokens that it gets alone.
        max_new_tokens: Largest number of new tokens. Past the context length the window slides: each time a
            sequence fills the context, its last ``n_ctx // 2`` tokens are read again and those before are
            dropped.
        temperature: See :class:`Sampling`, as for the next four.
        top_k: See :class:`Sampling`.
        top_p: See :class:`Sampling`.
        top_p_rule: See :class:`Sampling`.
        repetition_penalty: See :class:`Sampling`.
        stop_ids: Tokens that end a sequence.
        vocab_size: Number of ids that may be chosen; later rows of the token matrix are padding.
        generator: Source of the draws, on the decoder's device; equal states give equal tokens. With one
            generator for each sequence, the draws of each do not depend on the others.

    Returns:
        New tokens of each sequence, with the stop token if one ended it.

    Raises:
        ValueError: If a value is out of range, a token is not in the vocabulary, a prompt is longer than
            the context, or the weights yield logits that are not finite.
    """
    sampling = Sampling(temperature, top_k, top_p, top_p_rule, repetition_penalty)
    rows: list[list[int]] = [[] for _ in input_ids]
    open_rows = set(range(len(rows)))
    for chosen in generate_steps(
        decoder,
        input_ids,
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        vocab_size=vocab_size,
        generator=generator,
    ):
        for row in sorted(open_rows):
            rows[row].append(chosen[row])
            if chosen[row] in stop_ids:
                open_rows.remove(row)
        if not open_rows:
            break
    return rows


def generate_steps(
    decoder: Decoder,
    input_ids: Tensor | Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    sampling: Sampling,
    vocab_size: int | None = None,
    generator: Generators = None,
) -> Generator[list[int], None, None]:
    """Yield the tokens of :func:`generate` as they are chosen, one of each sequence per step.

    A stop token does not end the steps. A token is computed when it is requested, and arguments are checked
    with the first.
    """
    config, weight = decoder.config, decoder.wte.weight
    vocab_size = config.vocab_size if vocab_size is None else vocab_size
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens: {max_new_tokens}; expected at least 0")
    texts: list[list[int]] = (
        input_ids.tolist() if isinstance(input_ids, Tensor) else [list(ids) for ids in input_ids]
    )
    for text in texts:
        check_prompt(text, vocab_size, config.n_ctx)
    if not texts or max_new_tokens == 0:
        return
    longest = max(map(len, texts))
    cache = KeyValueCache(
        config,
        len(texts),
        dtype=cache_dtype(weight.dtype, weight.device),
        device=weight.device,
        capacity=min(config.n_ctx, longest + max_new_tokens - 1),  # the last token is not read
    )
    seen = None  # (B, T), the tokens of each text, for the repetition penalty
    if sampling.repetition_penalty != 1.0:
        seen = torch.tensor(_padded(texts, longest + max_new_tokens), device=weight.device)
    logits = _read_prompts(decoder, texts, cache, vocab_size)  # (B, V)
    if not bool(logits.isfinite().all()):
        raise ValueError(
            "logits: not finite; expected finite values; the weights are damaged or have diverged"
        )
    for end in range(longest, longest + max_new_tokens):
        chosen = choose(logits, sampling, generator, None if seen is None else seen[:, :end])
        if seen is not None:
            seen[:, end] = chosen
        tokens: list[int] = chosen.tolist()
        for text, token in zip(texts, tokens, strict=True):
            text.append(token)
        yield tokens
        if end + 1 < longest + max_new_tokens:
            full = [row for row, length in enumerate(cache.lengths) if length == config.n_ctx]
            if full:
                _slide(decoder, texts, full, cache)
            logits = _read_tokens(decoder, chosen, cache, vocab_size)


@torch.inference_mode()
def _read_prompts(
    decoder: Decoder, texts: Sequence[list[int]], cache: KeyValueCache, vocab_size: int
) -> Tensor:
    """Fill an empty cache; return logits ``(B, V)`` after the last token of each text.

    Only texts of equal length are read in one batch: padding would change how attention rounds, and in bf16
    also the tokens.
    """
    device, lengths = decoder.wte.weight.device, [len(text) for text in texts]
    states: dict[int, Tensor] = {}
    with plain_evaluation(decoder, device):
        for length in sorted(set(lengths)):
            rows = [row for row, n in enumerate(lengths) if n == length]
            part = cache if len(rows) == len(texts) else _cache_like(cache, decoder, len(rows), length)
            ids = torch.tensor([texts[row] for row in rows], device=device)
            last = torch.full((len(rows), 1), length - 1, device=device)
            states |= zip(rows, decoder(ids, part, positions=last)[:, 0], strict=True)
            if part is not cache:
                cache.replace(rows, part)
        hidden = torch.stack([states[row] for row in range(len(texts))])  # (B, D)
        return decoder.logits(hidden)[:, :vocab_size]


@torch.inference_mode()
def _read_tokens(decoder: Decoder, tokens: Tensor, cache: KeyValueCache, vocab_size: int) -> Tensor:
    """Read one more token of each text, ``(B,)``; return the logits ``(B, V)`` after it."""
    with plain_evaluation(decoder, tokens.device):
        hidden = decoder(tokens[:, None], cache)[:, 0]  # (B, D)
        return decoder.logits(hidden)[:, :vocab_size]


@torch.inference_mode()
def _slide(decoder: Decoder, texts: Sequence[list[int]], rows: Sequence[int], cache: KeyValueCache) -> None:
    """Read the second half of some texts' context again, without the newest token, whose step follows."""
    kept = max(1, decoder.config.n_ctx // 2) - 1
    if kept == 0:
        cache.replace(rows, None)
        return
    device = decoder.wte.weight.device
    windows = torch.tensor([texts[row][-kept - 1 : -1] for row in rows], device=device)
    half = _cache_like(cache, decoder, len(rows), kept)
    with plain_evaluation(decoder, device):
        decoder(windows, half)
    cache.replace(rows, half)


def _cache_like(cache: KeyValueCache, decoder: Decoder, n_rows: int, capacity: int) -> KeyValueCache:
    """Return an empty cache for some of the sequences of another one."""
    keys = cache.keys
    return KeyValueCache(decoder.config, n_rows, dtype=keys.dtype, device=keys.device, capacity=capacity)


@contextlib.contextmanager
def plain_evaluation(decoder: Decoder, device: torch.device) -> Iterator[None]:
    """Turn off dropout, and autocast, which would disagree with the cache's dtype, inside the block."""
    training = decoder.training
    if training:
        decoder.eval()
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        if training:
            decoder.train()


def _padded(texts: Sequence[list[int]], length: int) -> list[list[int]]:
    """Pad texts to a length with their last token."""
    return [[*text, *text[-1:] * (length - len(text))] for text in texts]


def check_prompt(ids: Sequence[int], vocab_size: int, n_ctx: int) -> None:
    """Raise a ValueError if a text has no token, exceeds the context or has an unknown token."""
    if not ids:
        raise ValueError("prompt: no token; expected at least one; begin it with the end-of-text token")
    if len(ids) > n_ctx:
        raise ValueError(f"prompt: {len(ids)} tokens; expected at most {n_ctx}, the context length")
    check_ids(ids, vocab_size)


def check_ids(ids: Sequence[int], vocab_size: int) -> None:
    """Raise a ValueError that names the first id outside the vocabulary."""
    for token in ids:
        if not 0 <= token < vocab_size:
            raise ValueError(f"token id: {token}; expected 0 to {vocab_size - 1}, an id of the vocabulary")
