"""Answers to requests: likelihoods of continuations and of running text, and generated text.

Only the necessary work is done: a context that several continuations share is read once, the last block and
the output matrix are applied only at scored positions, and batches hold texts of similar length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby, pairwise
from types import MappingProxyType

import torch
from torch import Tensor

from gpt_toolkit.backbone import Decoder, KeyValueCache
from gpt_toolkit.generation.decoding import check_ids, generate_steps, plain_evaluation
from gpt_toolkit.generation.requests import Answer, Continuation, Prompt, Request, RunningText
from gpt_toolkit.generation.sampling import Sampling
from gpt_toolkit.generation.streaming import StreamedText
from gpt_toolkit.tokenizers import Tokenizer

SHARED_FROM = 32
"""Length from which a context that several continuations share is read once; tuned here."""

_LOGIT_ROWS = 256
"""Positions whose logits exist at the same time; tuned here: as in training's loss."""


class Scorer:
    """Answers of a decoder to requests.

    Args:
        decoder: Decoder, evaluated without dropout in the dtype of its parameters.
        tokenizer: Tokenizer whose ids the decoder was trained on.
        batch_tokens: Largest number of tokens that are read at once, with padding.
    """

    def __init__(self, decoder: Decoder, tokenizer: Tokenizer, *, batch_tokens: int = 4096) -> None:
        self.decoder, self.tokenizer = decoder, tokenizer
        self.batch_tokens = max(batch_tokens, decoder.config.n_ctx)
        self.device = decoder.wte.weight.device
        self._excluded: dict[frozenset[int], Tensor] = {}

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer requests of any kind, in their order."""
        answers: dict[int, Answer] = {}
        continuations = {i: r for i, r in enumerate(requests) if isinstance(r, Continuation)}
        texts = {i: r for i, r in enumerate(requests) if isinstance(r, RunningText)}
        prompts = {i: r for i, r in enumerate(requests) if isinstance(r, Prompt)}
        answers |= zip(continuations, self.continuations(list(continuations.values())), strict=True)
        answers |= zip(texts, self.running_texts(list(texts.values())), strict=True)
        answers |= zip(prompts, self.prompts(list(prompts.values())), strict=True)
        return [answers[i] for i in range(len(requests))]

    # ------------------------------------------------------------------ continuations

    @torch.inference_mode()
    def continuations(self, requests: Sequence[Continuation]) -> list[Answer]:
        """Compute the log-probability of each continuation, and whether greedy decoding gives it.

        Raises:
            ValueError: If a context or continuation is empty, or both are longer than the context length.
        """
        for request in requests:
            self._check(request)
        answers: list[Answer | None] = [None] * len(requests)
        alone: list[int] = []
        order = sorted(range(len(requests)), key=lambda i: (len(requests[i].context), requests[i].context))
        for context, group in groupby(order, key=lambda i: requests[i].context):
            members = list(group)
            if len(members) > 1 and len(context) >= SHARED_FROM:
                for i, answer in zip(
                    members, self._score_shared([requests[i] for i in members]), strict=True
                ):
                    answers[i] = answer
            else:
                alone += members
        alone.sort(key=lambda i: -len(requests[i].context) - len(requests[i].continuation))
        lengths = [len(requests[i].context) + len(requests[i].continuation) - 1 for i in alone]
        for part in self._batches(lengths):
            chosen = [requests[alone[i]] for i in part]
            for i, answer in zip(part, self._score(chosen), strict=True):
                answers[alone[i]] = answer
        return [answer for answer in answers if answer is not None]

    def _check(self, request: Continuation) -> None:
        if not request.context:
            raise ValueError("context: no token; expected at least one; begin it with the end-of-text token")
        if not request.continuation:
            raise ValueError("continuation: no token; expected at least one to score")
        length, n_ctx = len(request.context) + len(request.continuation) - 1, self.decoder.config.n_ctx
        if length > n_ctx:
            raise ValueError(
                f"context and continuation: {length + 1} tokens; expected at most {n_ctx + 1} for the "
                f"context length {n_ctx}; shorten the context"
            )
        check_ids([*request.context, *request.continuation], self.tokenizer.vocab_size)

    def _score(self, requests: Sequence[Continuation]) -> list[Answer]:
        """Read contexts with their continuations, padded on the right."""
        texts = [(*request.context, *request.continuation[:-1]) for request in requests]
        firsts = [len(request.context) - 1 for request in requests]
        counts = [len(request.continuation) for request in requests]
        ids, at = self._padded(texts), self._positions(firsts, counts)
        with plain_evaluation(self.decoder, self.device):
            hidden = self.decoder(ids, positions=at)  # (B, P, D)
            rows = torch.cat([hidden[i, :n] for i, n in enumerate(counts)])
            return self._answers_from(rows, requests)

    def _score_shared(self, requests: Sequence[Continuation]) -> list[Answer]:
        """Read one context once, then all its continuations."""
        context = requests[0].context
        rest = max(len(request.continuation) for request in requests) - 1
        config, weight = self.decoder.config, self.decoder.wte.weight

        def cache_of(rows: int) -> KeyValueCache:
            capacity = len(context) + rest
            return KeyValueCache(config, rows, dtype=weight.dtype, device=self.device, capacity=capacity)

        with plain_evaluation(self.decoder, self.device):
            cache = cache_of(1)
            last = torch.tensor([[len(context) - 1]], device=self.device)
            first = self.decoder(self._padded([context]), cache, positions=last)[0]  # (1, D)
            pieces = [first.expand(1, -1) for _ in requests]
            longer = [i for i, request in enumerate(requests) if len(request.continuation) > 1]
            for part in self._batches([len(context) + rest] * len(longer)):
                members = [longer[i] for i in part]
                copies = cache_of(len(members))
                copies.keys[:, :, :, : len(context)] = cache.keys[:, :, :, : len(context)]
                copies.values[:, :, :, : len(context)] = cache.values[:, :, :, : len(context)]
                copies.set_lengths([len(context)] * len(members))
                inputs = self._padded([requests[i].continuation[:-1] for i in members])
                hidden = self.decoder(inputs, copies)  # (B, P, D)
                for row, i in enumerate(members):
                    pieces[i] = torch.cat([first, hidden[row, : len(requests[i].continuation) - 1]])
            return self._answers_from(torch.cat(pieces), requests)

    def _answers_from(self, rows: Tensor, requests: Sequence[Continuation]) -> list[Answer]:
        """Return answers from the states before each token of all continuations: ``(n, D)``."""
        targets = torch.tensor([i for request in requests for i in request.continuation], device=self.device)
        starts = [0, *accumulate(len(request.continuation) for request in requests)]
        excluded = {start: request.excluded for start, request in zip(starts, requests, strict=False)}
        log_p, right = self._log_probabilities(rows, targets, excluded)
        return [
            Answer(math.fsum(log_p[a:b]), b - a, all(right[a:b]), last_is_greedy=right[b - 1])
            for a, b in pairwise(starts)
        ]

    # ------------------------------------------------------------------ running text

    @torch.inference_mode()
    def running_texts(self, requests: Sequence[RunningText]) -> list[Answer]:
        """Compute the log-probability of the tokens to score of each text, in windows.

        Raises:
            ValueError: If a window is longer than the context length, or the stride than the window.
        """
        totals = [0.0] * len(requests)
        for number, _, log_p in self._windows(requests):
            totals[number] += math.fsum(log_p)
        return [Answer(total, request.n_scored) for total, request in zip(totals, requests, strict=True)]

    @torch.inference_mode()
    def token_log_probabilities(self, requests: Sequence[RunningText]) -> list[list[float]]:
        """Compute the same as :meth:`running_texts`, for every token alone."""
        found = [[0.0] * request.n_scored for request in requests]
        for number, scored, log_p in self._windows(requests):
            first = scored - requests[number].n_context
            found[number][first : first + len(log_p)] = log_p
        return found

    def _windows(self, requests: Sequence[RunningText]) -> Iterator[tuple[int, int, list[float]]]:
        """Yield for each window the text's number, the first scored input, and the log-probabilities."""
        windows: list[tuple[int, int, int, int]] = []  # text, first input, end of inputs, first scored input
        for number, request in enumerate(requests):
            n_ctx = self.decoder.config.n_ctx
            if not 1 <= request.stride <= request.window <= n_ctx:
                raise ValueError(
                    f"stride, window: {request.stride}, {request.window}; expected 1 <= stride <= window <= "
                    f"{n_ctx}, the context length"
                )
            check_ids(request.ids, self.tokenizer.vocab_size)
            windows += [(number, *window) for window in request.windows()]
        windows.sort(key=lambda window: window[1] - window[2])
        for part in self._batches([end - start for _, start, end, _ in windows]):
            chosen = [windows[i] for i in part]
            texts = [requests[number].ids[start:end] for number, start, end, _ in chosen]
            firsts = [scored - start for _, start, _, scored in chosen]
            counts = [end - scored for _, _, end, scored in chosen]
            targets = [i for n, _, end, scored in chosen for i in requests[n].ids[scored + 1 : end + 1]]
            with plain_evaluation(self.decoder, self.device):
                hidden = self.decoder(
                    self._padded(texts), positions=self._positions(firsts, counts)
                )  # (B, P, D)
                rows = torch.cat([hidden[i, :n] for i, n in enumerate(counts)])
                log_p, _ = self._log_probabilities(rows, torch.tensor(targets, device=self.device))
            start = 0
            for (number, _, _, scored), count in zip(chosen, counts, strict=True):
                yield number, scored, log_p[start : start + count]
                start += count

    # ------------------------------------------------------------------ generated text

    def prompts(self, requests: Sequence[Prompt]) -> list[Answer]:
        """Generate text after each prompt, with its log-probability; 0 if it is longer than the context.

        Raises:
            ValueError: If a prompt is longer than the context length.
        """
        answers: list[Answer | None] = [None] * len(requests)

        def alike(i: int) -> tuple[int, int, tuple[str, ...]]:
            return requests[i].max_new_tokens, requests[i].top_k, requests[i].stop

        for (max_new_tokens, *_), group in groupby(sorted(range(len(requests)), key=alike), alike):
            members = sorted(group, key=lambda i: -len(requests[i].ids))
            for part in self._batches([len(requests[i].ids) + max_new_tokens for i in members]):
                chosen = [members[i] for i in part]
                for i, answer in zip(chosen, self._generate([requests[i] for i in chosen]), strict=True):
                    answers[i] = answer
        return [answer for answer in answers if answer is not None]

    def _generate(self, requests: Sequence[Prompt]) -> list[Answer]:
        """Answer prompts that have the same lengths, draws and stops."""
        asked = requests[0]
        texts = [
            StreamedText(self.tokenizer, self.tokenizer.decode(list(r.ids)), asked.stop) for r in requests
        ]
        ids: list[list[int]] = [[] for _ in requests]
        written = ["" for _ in requests]
        steps = generate_steps(
            self.decoder,
            [request.ids for request in requests],
            max_new_tokens=asked.max_new_tokens,
            sampling=Sampling(temperature=0.0 if asked.top_k == 1 else 1.0, top_k=asked.top_k),
            vocab_size=self.tokenizer.vocab_size,
            generator=[torch.Generator(self.device).manual_seed(request.seed) for request in requests],
        )
        for tokens in steps:
            for row, text in enumerate(texts):
                if text.ended is None:
                    written[row] += text.add(tokens[row])
                    if text.ended is None:
                        ids[row].append(tokens[row])
            if all(text.ended for text in texts):
                break
        answers = []
        for request, text, new, words in zip(requests, texts, ids, written, strict=True):
            confidence = Answer(0.0, 0)
            if new and len(request.ids) + len(new) <= self.decoder.config.n_ctx:
                [confidence] = self.continuations([Continuation(request.ids, tuple(new))])
            answers.append(
                confidence._replace(text=words + text.end(), is_greedy=False, last_is_greedy=False)
            )
        return answers

    # ------------------------------------------------------------------ shared

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Yield the numbers of consecutive texts, longest first, in batches of at most ``batch_tokens``."""
        start = 0
        while start < len(lengths):
            rows = max(1, self.batch_tokens // max(lengths[start], 1))
            yield list(range(start, min(start + rows, len(lengths))))
            start += rows

    def _padded(self, texts: Sequence[Sequence[int]]) -> Tensor:
        width = max(map(len, texts))
        return torch.tensor([[*text, *[0] * (width - len(text))] for text in texts], device=self.device)

    def _positions(self, firsts: Sequence[int], counts: Sequence[int]) -> Tensor:
        """Return positions from ``first`` on, ``(B, P)``; a row with fewer repeats its last one."""
        width = max(counts)
        rows = [
            [first + min(i, count - 1) for i in range(width)]
            for first, count in zip(firsts, counts, strict=True)
        ]
        return torch.tensor(rows, device=self.device)

    def _logits(self, rows: Tensor) -> Tensor:
        return self.decoder.logits(rows)[:, : self.tokenizer.vocab_size].float()

    def _log_probabilities(
        self, rows: Tensor, targets: Tensor, excluded: Mapping[int, frozenset[int]] = MappingProxyType({})
    ) -> tuple[list[float], list[bool]]:
        """Return the log-probability of each target, and whether it is the likeliest token not excluded."""
        log_p, right = [], []
        for start in range(0, len(rows), _LOGIT_ROWS):
            target = targets[start : start + _LOGIT_ROWS]
            logits = self._logits(rows[start : start + _LOGIT_ROWS])
            own = logits.gather(1, target[:, None])[:, 0]
            log_p.append(own - logits.logsumexp(dim=1))
            for row in range(start, start + len(target)):
                if ids := excluded.get(row):
                    logits[row - start, self._ids_of(ids)] = -torch.inf
            right.append(logits.argmax(dim=1) == target)
        found = torch.cat(log_p)
        if not bool(found.isfinite().all()):
            raise ValueError(
                "logits: not finite; expected finite values; the weights are damaged or have diverged"
            )
        return found.double().tolist(), torch.cat(right).tolist()

    def _ids_of(self, ids: frozenset[int]) -> Tensor:
        """Return token ids on the device; cached, because stop words are the same for all requests."""
        if ids not in self._excluded:
            self._excluded = {ids: torch.tensor(sorted(ids), device=self.device)}
        return self._excluded[ids]
