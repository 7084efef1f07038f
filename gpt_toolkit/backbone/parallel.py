"""A decoder divided among devices: its weights (FSDP2), its matrix products (tensor parallelism), or both.

A device holds its part of a divided tensor as a ``DTensor``. Code that needs a whole decoder, such as
generation, calls :func:`whole` first.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn import functional as F

from gpt_toolkit.backbone.decoder import Decoder


def divide(decoder: Decoder, mesh: DeviceMesh) -> None:
    """Divide a decoder in place. Every device has built it with the same values.

    Args:
        decoder: Whole, on any device.
        mesh: ``data_parallel`` devices times ``tensor_parallel`` devices. The former read different sequences
            and each hold a part of the weights; the latter read the same ones and divide the matrix products.

    Raises:
        ValueError: If the heads cannot be divided equally.
    """
    data, tensor = mesh["data_parallel"], mesh["tensor_parallel"]
    decoder.to(mesh.device_type)
    if tensor.size() > 1:
        _divide_products(decoder, tensor)
    if data.size() > 1:
        for block in decoder.h:
            fully_shard(block, mesh=data)
        # The loss reads the token matrix after the forward pass: it stays until the backward pass.
        fully_shard(decoder, mesh=data, reshard_after_forward=False)


def _divide_products(decoder: Decoder, mesh: DeviceMesh) -> None:
    n_head, n_devices = decoder.config.n_head, mesh.size()
    if n_head % n_devices:
        raise ValueError(
            f"tensor_parallel_size: {n_devices}; expected a divisor of the decoder's {n_head} heads"
        )
    for each in decoder.h:
        block: Any = each
        block.attn.c_attn = HeadsLinear(block.attn.c_attn, n_head, mesh)
        block.attn.n_head = n_head // n_devices
        parallelize_module(
            block,
            mesh,
            {
                "attn.c_proj": RowwiseParallel(),
                "mlp.c_fc": ColwiseParallel(),
                "mlp.c_proj": RowwiseParallel(),
            },
        )


class HeadsLinear(nn.Module):
    """The projection to query, key and value, for the heads of this device.

    Its matrix holds all queries before all keys and values, as in the published weights. Equal parts of its
    rows are therefore not equal parts of the heads. Each device stores equal parts, for checkpoints, and
    gathers the whole for each pass. This moves less data than the states of a long batch.

    Args:
        linear: The whole projection.
        n_head: Heads of all devices.
        mesh: The devices that divide them.

    Shape:
        ``(B, T, D)`` to ``(B, T, 3 D / devices)``.
    """

    def __init__(self, linear: nn.Linear, n_head: int, mesh: DeviceMesh) -> None:
        super().__init__()
        self.n_head, self.mesh = n_head, mesh
        for name, parameter in linear.named_parameters():
            divided = distribute_tensor(parameter.detach(), mesh, [Shard(0)])
            self.register_parameter(name, nn.Parameter(divided, requires_grad=parameter.requires_grad))

    def forward(self, x: Tensor) -> Tensor:
        # Each device's heads give a part of the input's gradient; the backward pass adds them up.
        x = DTensor.from_local(x, self.mesh, [Replicate()]).to_local(grad_placements=[Partial()])
        return F.linear(x, self._own_heads(self.weight), self._own_heads(self.bias))

    def _own_heads(self, parameter: Any) -> Tensor:
        """Return the rows of this device's heads: ``(3 D, ...)`` to ``(3 D / devices, ...)``."""
        all_rows = parameter.redistribute(placements=[Replicate()])
        by_head = all_rows.unflatten(0, (3, self.n_head, -1))  # (3, H, K, ...)
        own: Tensor = by_head.redistribute(placements=[Shard(1)]).to_local()
        return own.flatten(0, 2)


def is_divided(module: nn.Module) -> bool:
    """Return whether a device holds only parts of some tensors."""
    return any(isinstance(parameter, DTensor) for parameter in module.parameters())


@torch.no_grad()
def whole(decoder: Decoder) -> Decoder:
    """Return the decoder if each device holds all of it, else a whole copy for evaluation.

    All devices must call this together.
    """
    if not is_divided(decoder):
        return decoder
    with torch.device("meta"):
        copy = Decoder(decoder.config)
    state = {name: _whole(tensor) for name, tensor in decoder.state_dict().items()}
    copy.load_state_dict(state, assign=True)
    return copy.requires_grad_(False).eval()


def _whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor.detach()


@torch.no_grad()
def average_gradients(module: nn.Module, mesh: DeviceMesh) -> None:
    """Average the gradients that FSDP2 does not, over the devices that read different sequences.

    They belong to modules outside the divided decoder, such as classification heads, which every device
    holds whole.
    """
    data = mesh["data_parallel"]
    if data.size() == 1:
        return
    for parameter in module.parameters():
        if parameter.requires_grad and not isinstance(parameter, DTensor):
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            dist.all_reduce(parameter.grad, group=data.get_group())
            parameter.grad /= data.size()
