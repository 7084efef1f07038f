"""Text from a decoder, token by token, and how likely it finds a given text."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Generator, Iterator, Sequence

import torch
from torch import Tensor

from gpt_toolkit.backbone import Decoder, KeyValueCache
from gpt_toolkit.heads import LanguageModelHead

Generators = torch.Generator | Sequence[torch.Generator] | None


def generate(
    decoder: Decoder,
    head: LanguageModelHead,
    input_ids: Tensor,
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    stop_ids: Collection[int] = (),
    vocab_size: int | None = None,
    generator: Generators = None,
    on_token: Callable[[Tensor], None] | None = None,
) -> list[list[int]]:
    """Continue prompts of equal length.

    Args:
        decoder: Its parameters' dtype is the one computed in; cast the module for bf16, since autocast would
            cast every matrix again for every token. Evaluated without dropout, whatever its mode.
        head: Its tied head.
        input_ids: ``(B, T)``, int64; at least one and at most ``n_ctx`` tokens.
        max_new_tokens: Tokens to add at most. Past the context length the window slides: each time the
            context is full, the last ``n_ctx // 2`` tokens are read anew and everything before is forgotten.
        temperature: Divides the logits; 0 takes the likeliest token each time (greedy).
        top_k: Sample among the k likeliest tokens, ties with the last of them included; 0 is off.
        top_p: Sample among the likeliest tokens that together reach this probability, the one that crosses
            it included; 1 is off.
        stop_ids: A sequence ends with the first of these that it meets.
        vocab_size: Ids from here on are padding of the token matrix and never chosen.
        generator: Source of the draws, on the decoder's device; equal states give equal tokens. With one
            generator a sequence, the draws of each do not depend on the others.
        on_token: Called with each step's new tokens, ``(B,)``.

    Returns:
        New tokens of each sequence, with the stop token where it met one.

    Raises:
        ValueError: If a value is out of range, a token is not in the vocabulary, the prompt is longer than
            the context, or the weights yield logits that are not finite.
    """
    rows: list[list[int]] = [[] for _ in range(input_ids.shape[0])]
    open_rows = set(range(len(rows)))
    for chosen in generate_steps(
        decoder,
        head,
        input_ids,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        vocab_size=vocab_size,
        generator=generator,
    ):
        if on_token is not None:
            on_token(chosen)
        for row, token in enumerate(chosen.tolist()):
            if row in open_rows:
                rows[row].append(token)
                if token in stop_ids:
                    open_rows.remove(row)
        if not open_rows:
            break
    return rows


def generate_steps(
    decoder: Decoder,
    head: LanguageModelHead,
    input_ids: Tensor,
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    vocab_size: int | None = None,
    generator: Generators = None,
) -> Generator[Tensor, None, None]:
    """The tokens of :func:`generate` as they are chosen, ``(B,)`` at a time, whatever they are.

    The work for a token is done when it is asked for, and arguments are checked with the first.
    """
    config = decoder.config
    vocab_size = config.vocab_size if vocab_size is None else vocab_size
    check_sampling(max_new_tokens=max_new_tokens, temperature=temperature, top_k=top_k, top_p=top_p)
    _check_prompt(input_ids, vocab_size, config.n_ctx)
    batch, length = input_ids.shape
    text = input_ids.new_empty(batch, length + max_new_tokens)
    text[:, :length] = input_ids
    room = min(config.n_ctx, text.shape[1])
    cache = KeyValueCache(config, batch, dtype=head.weight.dtype, device=head.weight.device, capacity=room)
    start, end = 0, length  # the part of the text that the next step reads
    for _ in range(max_new_tokens):
        if cache.length + end - start > config.n_ctx:
            start, cache.length = end - max(1, config.n_ctx // 2), 0
        logits = _next_logits(decoder, head, text[:, start:end], cache, vocab_size)  # (B, V)
        if start == 0 and not bool(logits.isfinite().all()):
            raise ValueError("the model's logits are not finite: its weights are damaged or have diverged")
        text[:, end] = choose(logits, temperature=temperature, top_k=top_k, top_p=top_p, generator=generator)
        yield text[:, end]
        start, end = end, end + 1


def check_sampling(*, max_new_tokens: int, temperature: float, top_k: int, top_p: float) -> None:
    """Raise a ValueError that names every value that is out of range."""
    faults = []
    if max_new_tokens < 0:
        faults.append(f"max_new_tokens is {max_new_tokens}, expected at least 0")
    if not 0.0 <= temperature < float("inf"):
        faults.append(f"temperature is {temperature}, expected at least 0 (0 takes the likeliest token)")
    if top_k < 0:
        faults.append(f"top_k is {top_k}, expected at least 0 (0 is off)")
    if not 0.0 < top_p <= 1.0:
        faults.append(f"top_p is {top_p}, expected more than 0 and at most 1 (1 is off)")
    if faults:
        raise ValueError("; ".join(faults))


@torch.inference_mode()
def choose(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    generator: Generators = None,
) -> Tensor:
    """Draw a token from each row of logits: temperature, then top-k, then top-p, as GPT-2's code orders them.

    GPT-2's released code leaves out the token that crosses ``top_p``; here it stays, as in most later code.

    Shape:
        ``(B, V)`` to ``(B,)``.
    """
    if temperature == 0.0:
        return logits.argmax(dim=-1)
    logits = logits.float()
    temperature = max(temperature, torch.finfo(torch.float32).tiny)
    logits = (logits - logits.amax(dim=-1, keepdim=True)) / temperature  # at most 0, however cold
    if 0 < top_k < logits.shape[-1]:
        least = logits.topk(top_k).values[:, -1:]  # (B, 1)
        logits = logits.masked_fill(logits < least, -torch.inf)
    probabilities = logits.softmax(dim=-1)  # (B, V)
    if top_p < 1.0:
        ordered, index = probabilities.sort(dim=-1, descending=True, stable=True)
        before = ordered.cumsum(dim=-1) - ordered  # probability of all that are likelier
        ordered = ordered.masked_fill(before >= top_p, 0.0)
        ordered[:, 0].clamp_(min=1e-9)  # rounding never leaves a row empty
        return index.gather(1, _draw(ordered, generator))[:, 0]
    return _draw(probabilities, generator)[:, 0]


def _draw(probabilities: Tensor, generator: Generators) -> Tensor:
    if not isinstance(generator, Sequence):
        return probabilities.multinomial(1, generator=generator)  # (B, 1)
    rows = zip(probabilities, generator, strict=True)
    return torch.stack([row.multinomial(1, generator=own) for row, own in rows])  # (B, 1)


@torch.inference_mode()
def score(
    decoder: Decoder,
    head: LanguageModelHead,
    context_ids: Sequence[int],
    continuation_ids: Sequence[int],
    *,
    vocab_size: int | None = None,
) -> tuple[float, bool]:
    """How likely a continuation is.

    Args:
        decoder: Evaluated without dropout, whatever its mode.
        head: Its tied head.
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
    device = head.weight.device
    ids = torch.tensor([[*context_ids, *continuation_ids]], device=device)  # (1, T + 1)
    _check_ids(ids, vocab_size)
    if ids.shape[1] - 1 > decoder.config.n_ctx:
        raise ValueError(
            f"context and continuation have {ids.shape[1]} tokens, the context length {decoder.config.n_ctx} "
            f"allows {decoder.config.n_ctx + 1}; shorten the context"
        )
    labels = ids[0, -n:]
    with _plain_evaluation(decoder, device):
        hidden = decoder(ids[:, :-1])[0, -n:]  # (n, D)
        logits = head(hidden)[:, :vocab_size].float()  # (n, V)
    log_probabilities = logits.log_softmax(dim=-1).gather(1, labels[:, None])
    return log_probabilities.double().sum().item(), bool((logits.argmax(dim=-1) == labels).all())


@torch.inference_mode()
def _next_logits(
    decoder: Decoder, head: LanguageModelHead, window: Tensor, cache: KeyValueCache, vocab_size: int
) -> Tensor:
    with _plain_evaluation(decoder, window.device):
        hidden = decoder(window, cache)[:, -1]  # (B, D)
        return head(hidden)[:, :vocab_size]  # type: ignore[no-any-return]


@contextlib.contextmanager
def _plain_evaluation(decoder: Decoder, device: torch.device) -> Iterator[None]:
    """No dropout, and no autocast, which would disagree with the cache's dtype; both as before afterwards."""
    training = decoder.training
    if training:
        decoder.eval()
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        if training:
            decoder.train()


def _check_prompt(input_ids: Tensor, vocab_size: int, n_ctx: int) -> None:
    length = input_ids.shape[1]
    if length == 0:
        raise ValueError("the prompt holds no token; begin it with the end-of-text token")
    if length > n_ctx:
        raise ValueError(f"{length} tokens are more than the context length {n_ctx}; give at most {n_ctx}")
    _check_ids(input_ids, vocab_size)


def _check_ids(ids: Tensor, vocab_size: int) -> None:
    outside = ids[(ids < 0) | (ids >= vocab_size)]
    if outside.numel():
        raise ValueError(f"token {outside[0].item()} is not in the vocabulary of {vocab_size} tokens")
