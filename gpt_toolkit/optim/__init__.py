"""Optimizers with decay groups, and learning-rate schedules stepped once per update (GPT-1 §4.1)."""

from gpt_toolkit.optim.muon import Muon, MuonAdamW, orthogonalize
from gpt_toolkit.optim.optimizers import (
    AdamW,
    OptimizerFactory,
    clip_global_norm,
    decay_groups,
    number_in_module_order,
    scale_learning_rates,
    separate_meshes,
)
from gpt_toolkit.optim.schedules import Constant, Cosine, Linear, Schedule, WarmupStableDecay

__all__ = [
    "AdamW",
    "Constant",
    "Cosine",
    "Linear",
    "Muon",
    "MuonAdamW",
    "OptimizerFactory",
    "Schedule",
    "WarmupStableDecay",
    "clip_global_norm",
    "decay_groups",
    "number_in_module_order",
    "orthogonalize",
    "scale_learning_rates",
    "separate_meshes",
]
