"""Exercise gpt1-4.1b: warm-up and cosine schedule (GPT-1 §4.1).

The paper: the learning rate is increased linearly from zero over the first 2000 updates, and annealed to 0
using a cosine schedule.

Steps count from 0. During the warm-up, step s has (s + 1) / (warmup + 1) of the highest learning rate, so
that even the first update changes something. From step `warmup` on, the rest of the run is half a cosine
wave: progress goes from 0 (step = warmup, highest learning rate) to 1 (step = total, learning rate 0).

Example: learning_rate(60, 20, 100, 0.1) is 0.05: halfway between warm-up and end.
"""

import math


def learning_rate(step: int, warmup: int, total: int, highest: float) -> float:
    """Return the learning rate of an update.

    Args:
        step: Number of the update, from 0 to total - 1.
        warmup: Updates of the warm-up; less than total.
        total: All updates.
        highest: Learning rate at the end of the warm-up.
    """
    # %% solution
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    progress = (step - warmup) / (total - warmup)
    return highest * 0.5 * (1 + math.cos(math.pi * progress))
    # %% mistake: the warm-up starts at 0, so the first update changes nothing; expected (step + 1) / (warmup
    # + 1)
    if step < warmup:
        return highest * step / warmup
    progress = (step - warmup) / (total - warmup)
    return highest * 0.5 * (1 + math.cos(math.pi * progress))
    # %% mistake: progress counts from step 0, so the learning rate jumps down at the end of the warm-up;
    # count from the end of the warm-up: (step - warmup) / (total - warmup)
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    return highest * 0.5 * (1 + math.cos(math.pi * step / total))
    # %% mistake: progress never reaches 1: divide by the updates after the warm-up, total - warmup
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    return highest * 0.5 * (1 + math.cos(math.pi * (step - warmup) / total))
    # %% mistake: this is a quarter of a cosine wave, cos(progress * pi / 2); expected half a wave, from 1 to
    # -1
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    return highest * math.cos(math.pi / 2 * (step - warmup) / (total - warmup))
    # %% mistake: the cosine goes from 1 to -1, and so does this learning rate; expected 0.5 * (1 + cos)
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    return highest * math.cos(math.pi * (step - warmup) / (total - warmup))
    # %% mistake: after the warm-up the learning rate falls on a line; expected a cosine
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    return highest * (1 - (step - warmup) / (total - warmup))
    # %% mistake: the warm-up is missing; expected a linear increase over the first updates
    return highest * 0.5 * (1 + math.cos(math.pi * step / total))
