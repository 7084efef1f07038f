"""Optimizers with decay groups.

The YAML of a recipe gives all numbers; no default here is tuned.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim.adamw import adamw

from gpt_toolkit.hardware import is_native, supports_fused_adamw


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
        fused = _supports_fused(parameter for group in groups for parameter in group["params"])
        optimizer = torch.optim.AdamW(groups, lr=self.lr, betas=self.betas, eps=self.eps, fused=fused)
        # Gradients are unscaled before the step: clipping needs their true norm.
        optimizer._step_supports_amp_scaling = False
        return optimizer


class Muon(OptimizerFactory):
    """Muon for the matrices of the blocks, AdamW for embeddings, biases and norm gains, in one optimizer.

    Muon (Jordan et al., 2024) replaces a matrix's averaged gradient by the nearest orthogonal matrix. Not in
    the papers: an option for a lower loss in the same time.

    Args:
        lr: Highest learning rate of the matrices, whose updates are scaled to the size of AdamW's.
        weight_decay: Decoupled decay of matrices and embeddings.
        momentum: Decay rate of the averaged gradient of the matrices.
        adamw_lr: Highest learning rate of all other parameters.
        betas: AdamW's decay rates.
        eps: AdamW's term in the denominator.
    """

    def __init__(
        self,
        lr: float,
        adamw_lr: float,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
    ) -> None:
        self.lr, self.weight_decay, self.momentum = lr, weight_decay, momentum
        self.adamw_lr, self.betas, self.eps = adamw_lr, (betas[0], betas[1]), eps

    def build(self, module: nn.Module) -> torch.optim.Optimizer:
        embeddings = {
            id(parameter)
            for part in module.modules()
            if isinstance(part, nn.Embedding)
            for parameter in part.parameters(recurse=False)
        }
        matrices: list[tuple[str, nn.Parameter]] = []
        others: list[tuple[str, nn.Parameter]] = []
        for name, parameter in module.named_parameters():
            is_matrix = parameter.ndim == 2 and id(parameter) not in embeddings
            (matrices if is_matrix else others).append((name, parameter))
        muon = {"lr": self.lr, "weight_decay": self.weight_decay, "momentum": self.momentum}
        adamw = {"lr": self.adamw_lr, "betas": self.betas, "eps": self.eps}
        return MuonAdamW(
            [{"params": [p for _, p in matrices if p.requires_grad], "muon": True, **muon}]
            + [{"muon": False, **adamw, **group} for group in decay_groups(others, self.weight_decay)]
        )


class MuonAdamW(torch.optim.Optimizer):
    """An optimizer that updates some groups by Muon and the others by AdamW.

    Lightning's automatic optimization, ``global_step`` and checkpoints each expect a single optimizer.
    Matrices of equal shape are made orthogonal together, in one batch.

    Args:
        groups: Parameter groups with ``muon`` true or false and the hyperparameters of their kind.
    """

    def __init__(self, groups: list[dict[str, Any]]) -> None:
        super().__init__([group for group in groups if group["params"]], {})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """Update every group once."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            (self._step_muon if group["muon"] else self._step_adamw)(group)
        return loss

    def _step_muon(self, group: dict[str, Any]) -> None:
        by_shape: dict[torch.Size, list[Tensor]] = {}
        for parameter in group["params"]:
            if parameter.grad is not None:
                by_shape.setdefault(parameter.shape, []).append(parameter)
        for parameters in by_shape.values():
            momenta = []
            for parameter in parameters:
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                momenta.append(state["momentum"])
            grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
            torch._foreach_lerp_(momenta, grads, 1 - group["momentum"])
            # Nesterov: the gradient enters the average a second time
            averaged = torch._foreach_lerp(grads, momenta, group["momentum"])
            updates = orthogonalize(torch.stack([_whole(a) for a in averaged]))  # (n, rows, columns)
            scale = 0.2 * math.sqrt(max(parameters[0].shape))  # root mean square of AdamW's update, about 0.2
            torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
            updates = updates.to(parameters[0].dtype)
            divided = [_like(update, p) for update, p in zip(updates.unbind(), parameters, strict=True)]
            torch._foreach_add_(parameters, divided, alpha=-group["lr"] * scale)

    def _step_adamw(self, group: dict[str, Any]) -> None:
        parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
        for parameter in parameters:
            state = self.state[parameter]
            if not state:
                state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
                state["exp_avg"] = torch.zeros_like(parameter)
                state["exp_avg_sq"] = torch.zeros_like(parameter)
        if not parameters:
            return
        states = [self.state[parameter] for parameter in parameters]
        beta1, beta2 = group["betas"]
        adamw(
            parameters,
            [parameter.grad for parameter in parameters],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=_supports_fused(parameters),
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )


def _supports_fused(parameters: Iterable[nn.Parameter]) -> bool:
    return all(supports_fused_adamw(device) for device in {parameter.device for parameter in parameters})


def orthogonalize(matrices: Tensor, steps: int = 5) -> Tensor:
    """Return matrices with the same singular vectors and singular values near 1 (Newton-Schulz iteration).

    The quintic's coefficients are those of Jordan et al. (2024): steep at 0, so that five steps bring
    singular values into about [0.7, 1.2], which is near enough for an update. Computed in bf16 where the
    device has it, else in fp32: emulated bf16 would take longer than the rest of a step.

    Args:
        matrices: ``(n, rows, columns)``.
        steps: Iterations.

    Returns:
        ``(n, rows, columns)``, bf16 or fp32.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.to(torch.bfloat16 if is_native(torch.bfloat16, matrices.device) else torch.float32)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


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


def clip_global_norm(parameters: Iterable[nn.Parameter], max_norm: float) -> None:
    """Scale gradients so that their norm, over all parameters and devices, is at most ``max_norm``.

    Args:
        parameters: Whole, or divided among the devices of one mesh or several.
        max_norm: Largest norm.
    """
    parts = _by_mesh(parameter for parameter in parameters if parameter.grad is not None)
    norms = [_whole(nn.utils.get_total_norm(p.grad for p in part if p.grad is not None)) for part in parts]
    if norms:
        total = norms[0] if len(norms) == 1 else torch.stack(norms).norm()
        for part in parts:
            nn.utils.clip_grads_with_norm_(part, max_norm, total)


def _by_mesh(parameters: Iterable[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Group parameters by device mesh; those that every device holds whole form one group."""
    found: dict[Hashable, list[nn.Parameter]] = {}
    for parameter in parameters:
        mesh = parameter.device_mesh if isinstance(parameter, DTensor) else None
        found.setdefault(mesh, []).append(parameter)
    return list(found.values())


def _whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _like(tensor: Tensor, model: Tensor) -> Tensor:
    """Divide a tensor that every device holds in the way of another one."""
    if not isinstance(model, DTensor):
        return tensor
    return distribute_tensor(tensor, model.device_mesh, model.placements, src_data_rank=None)
