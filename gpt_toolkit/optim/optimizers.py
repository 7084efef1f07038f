"""AdamW, parameter groups, and clipping of the global norm.

The YAML of a recipe gives all numbers; no default here is tuned.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from gpt_toolkit.hardware import supports_fused_adamw


class OptimizerFactory(ABC):
    """A recipe's optimizer, built for the parameters of a module."""

    @abstractmethod
    def build(self, module: nn.Module) -> torch.optim.Optimizer:
        """Return an optimizer over the module's parameters that require a gradient."""


class AdamW(OptimizerFactory):
    """AdamW, with decay on matrices and embeddings only (GPT-1 §4.1: no decay on biases and norm gains).

    torch's implementation, fused where the device has it; decay multiplies weights by
    ``1 - lr * weight_decay``.

    Args:
        lr: Highest learning rate, which the schedule multiplies.
        betas: Decay rates of the running averages of gradients and their squares.
        eps: Added to the root of the second average.
        weight_decay: Decoupled decay of tensors of rank 2 and above.
    """

    def __init__(
        self,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        self.lr, self.eps, self.weight_decay = lr, eps, weight_decay
        self.betas = (betas[0], betas[1])  # a YAML gives a list

    def build(self, module: nn.Module) -> torch.optim.Optimizer:
        groups = decay_groups(module.named_parameters(), self.weight_decay)
        fused = supports_fused(parameter for group in groups for parameter in group["params"])
        optimizer = torch.optim.AdamW(groups, lr=self.lr, betas=self.betas, eps=self.eps, fused=fused)
        # Gradients are unscaled before the step: clipping needs their true norm.
        optimizer._step_supports_amp_scaling = False
        return optimizer


def supports_fused(parameters: Iterable[nn.Parameter]) -> bool:
    """Return whether all devices of the parameters have torch's fused AdamW."""
    return all(supports_fused_adamw(device) for device in {parameter.device for parameter in parameters})


def decay_groups(
    named_parameters: Iterable[tuple[str, nn.Parameter]], weight_decay: float
) -> list[dict[str, Any]]:
    """Return two groups: tensors of rank 2 and above with decay, others without (GPT-1's code: opt.py)."""
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for _, parameter in named_parameters:
        if parameter.requires_grad:
            (decayed if parameter.ndim >= 2 else plain).append(parameter)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def scale_learning_rates(optimizer: torch.optim.Optimizer, scales: Mapping[nn.Parameter, float]) -> None:
    """Multiply the learning rate of each parameter by its scale, in groups of equal scale."""
    groups = []
    for group in optimizer.param_groups:
        by_scale: dict[float, list[nn.Parameter]] = {}
        for parameter in group["params"]:
            by_scale.setdefault(scales.get(parameter, 1.0), []).append(parameter)
        groups += [
            {**group, "params": parameters, "lr": group["lr"] * scale}
            for scale, parameters in by_scale.items()
        ]
    optimizer.param_groups = groups


def separate_meshes(optimizer: torch.optim.Optimizer) -> None:
    """Split an optimizer's groups by device mesh: torch updates a group only if all tensors share one."""
    optimizer.param_groups = [
        {**group, "params": parameters}
        for group in optimizer.param_groups
        for parameters in _by_mesh(group["params"])
    ]


def number_in_module_order(
    module: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]
) -> None:
    """Renumber an optimizer's state dict in module order, in place.

    The optimizer still loads it: it reads the order of the groups, not the numbers.
    """
    number = {parameter: i for i, parameter in enumerate(module.parameters())}
    ordered = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    listed = [i for group in state["param_groups"] for i in group["params"]]
    new = {old: number[parameter] for old, parameter in zip(listed, ordered, strict=True)}
    state["state"] = {new[old]: values for old, values in state["state"].items()}
    state["param_groups"] = [
        {**group, "params": [new[old] for old in group["params"]]} for group in state["param_groups"]
    ]


def clip_global_norm(parameters: Iterable[nn.Parameter], max_norm: float) -> Tensor | None:
    """Scale gradients so that their norm, over all parameters and devices, is at most ``max_norm``.

    Args:
        parameters: Whole, or divided among the devices of one mesh or several.
        max_norm: Largest norm; infinite to compute the norm alone.

    Returns:
        The norm before scaling, ``()``; None without a gradient.
    """
    parts = _by_mesh(parameter for parameter in parameters if parameter.grad is not None)
    norms = [
        whole_tensor(nn.utils.get_total_norm(p.grad for p in part if p.grad is not None)) for part in parts
    ]
    if not norms:
        return None
    total = norms[0] if len(norms) == 1 else torch.stack(norms).norm()
    if max_norm < math.inf:
        for part in parts:
            nn.utils.clip_grads_with_norm_(part, max_norm, total)
    return total


def _by_mesh(parameters: Iterable[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Group parameters by device mesh; those that every device holds whole form one group."""
    found: dict[Hashable, list[nn.Parameter]] = {}
    for parameter in parameters:
        mesh = parameter.device_mesh if isinstance(parameter, DTensor) else None
        found.setdefault(mesh, []).append(parameter)
    return list(found.values())


def whole_tensor(tensor: Tensor) -> Tensor:
    """Return a tensor whole, on every device that holds a part of it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
