"""Comparisons of exercises about training."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from gpt_toolkit.backbone.heads import ClassificationHead
from gpt_toolkit.batches import IGNORE_INDEX
from gpt_toolkit.exercises.grading import Comparison, Function
from gpt_toolkit.exercises.model_checks import SEEDS, random_ids, small_decoder
from gpt_toolkit.losses import (
    class_loss,
    linear_cross_entropy,
    sequence_mean_loss,
    token_losses,
    with_auxiliary_loss,
)
from gpt_toolkit.optim import AdamW, Cosine


def token_loss(answer: Function) -> Iterator[Comparison]:
    """Compare sum and count with the loss of training, and a step of two uneven micro-batches."""
    given = answer(torch.zeros(2, 2), torch.tensor([1, IGNORE_INDEX]))
    yield "loss and count of the example", given, (torch.tensor(2.0).log(), 1)
    for seed in SEEDS:
        decoder = small_decoder(seed)
        ids, labels = random_ids(decoder), random_ids(decoder)
        labels[0, 3:] = IGNORE_INDEX
        hidden, weight = decoder(ids), decoder.wte.weight
        results = [answer(decoder.logits(hidden[i]), labels[i]) for i in range(2)]
        for i, given in enumerate(results):
            expected = linear_cross_entropy(hidden[i], weight, labels[i])
            yield f"loss and count of {(3, 9)[i]} labels", given, (expected, (3, 9)[i])
        mean = sum(one for one, _ in results) / sum(count for _, count in results)
        yield "mean of two micro-batches", mean, linear_cross_entropy(hidden, weight, labels) / 12


def class_logits(answer: Function) -> Iterator[Comparison]:
    """Compare scores with those of the toolkit's head on a decoder's states."""
    for seed in SEEDS:
        decoder = small_decoder(seed, "post")
        for lengths in (torch.tensor([5, 9, 2]), torch.tensor([4, 1, 7])):
            ids = random_ids(decoder, batch=3)
            head = ClassificationHead(decoder.config.n_embd, 4, clf_pdrop=0.0)
            states = decoder(ids, positions=lengths[:, None] - 1)  # (B, 1, D)
            yield (
                f"scores for lengths {lengths.tolist()}",
                answer(decoder(ids), lengths, head.linear),
                head(states),
            )


def finetuning_loss(answer: Function) -> Iterator[Comparison]:
    """Compare L3 with the losses of fine-tuning."""
    for seed in SEEDS:
        decoder = small_decoder(seed, "post")
        ids, labels = random_ids(decoder, batch=3), random_ids(decoder, batch=3)
        for i, length in enumerate((9, 4, 2)):
            labels[i, length:] = IGNORE_INDEX
        hidden, weight = decoder(ids), decoder.wte.weight
        logits, target = torch.randn(3, 4) * 2, torch.tensor([1, 3, 0])
        losses, n_labels = token_losses(hidden, weight, labels), (labels != IGNORE_INDEX).sum(dim=1)
        for lm_coef in (0.5, 0.2):
            l1 = sequence_mean_loss(hidden, weight, labels)
            l3 = with_auxiliary_loss(class_loss(logits, target), l1, lm_coef)
            given = answer(logits, target, losses, n_labels, lm_coef)
            yield f"L3 with lambda {lm_coef}", given, l3 / len(ids)


def learning_rate(answer: Function) -> Iterator[Comparison]:
    """Compare with the schedule of GPT-1's config."""
    yield "learning_rate(60, 20, 100, 0.1)", answer(60, 20, 100, 0.1), 0.05
    for warmup, total, highest in ((20, 100, 1.0), (2000, 50_000, 2.5)):
        schedule = Cosine(warmup_steps=warmup)
        for step in (0, 1, warmup - 1, warmup, warmup + 1, total // 2, total - 1):
            given = answer(step, warmup, total, highest)
            what = f"learning_rate({step}, {warmup}, {total}, {highest})"
            yield what, given, highest * schedule(step, total)


def has_decay(answer: Function) -> Iterator[Comparison]:
    """Compare the choice, and weights after updates of the toolkit's AdamW with equal gradients."""
    for norm in ("post", "pre"):
        decoder = small_decoder(1, norm)
        optimizer = AdamW(lr=0.1, weight_decay=0.1).build(decoder)
        groups = optimizer.param_groups
        decayed = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
        for name, parameter in decoder.named_parameters():
            what = f'has_decay("{name}", ...)'
            yield what, answer(name, parameter), id(parameter) in decayed
