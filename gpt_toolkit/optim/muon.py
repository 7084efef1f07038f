"""Muon (Jordan et al., 2024) with AdamW for the other parameters, as one optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim.adamw import adamw

from gpt_toolkit.hardware import is_native
from gpt_toolkit.optim.optimizers import OptimizerFactory, decay_groups, supports_fused, whole_tensor


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
            updates = orthogonalize(torch.stack([whole_tensor(a) for a in averaged]))  # (n, rows, columns)
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
            fused=supports_fused(parameters),
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )


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


def _like(tensor: Tensor, model: Tensor) -> Tensor:
    """Divide a tensor that every device holds in the way of another one."""
    if not isinstance(model, DTensor):
        return tensor
    return distribute_tensor(tensor, model.device_mesh, model.placements, src_data_rank=None)
