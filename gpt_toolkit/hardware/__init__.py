"""Capabilities of this machine: fast numeric types, kernels, cores and memory.

No other package asks the machine. An environment variable overrides each answer, so that every machine can
run every path: ``GPT_TOOLKIT_<CAPABILITY>=0`` or ``1`` for the names in :data:`CAPABILITIES`,
``GPT_TOOLKIT_CORES=2`` and ``GPT_TOOLKIT_FREE_MEMORY=8e9`` (bytes).

Functions import torch when they need it: the tokenizers use the number of cores and do without torch.
"""

from gpt_toolkit.hardware.kernels import (
    can_pack,
    compile_obstacle,
    fast_packed_rows,
    has_int8_products,
    has_triton,
    prefers_attention_products,
    supports_fused_adamw,
)
from gpt_toolkit.hardware.matmul_speed import (
    gpu_flops,
    peak_flops,
)
from gpt_toolkit.hardware.precision import (
    DTYPES,
    Precision,
    choose_precision,
    compute_dtype,
    default_device,
    device_name,
    device_named,
    dtype_named,
    emulation_warning,
    fast_dtype,
    is_native,
    precision_warning,
    processor_name,
    scoring_dtype,
)
from gpt_toolkit.hardware.resources import (
    CAPABILITIES,
    free_memory,
    keep_freed_memory,
    limit_threads,
    peak_process_memory,
    return_freed_memory,
    usable_cores,
)

__all__ = [
    "CAPABILITIES",
    "DTYPES",
    "Precision",
    "can_pack",
    "choose_precision",
    "compile_obstacle",
    "compute_dtype",
    "default_device",
    "device_name",
    "device_named",
    "dtype_named",
    "emulation_warning",
    "fast_dtype",
    "fast_packed_rows",
    "free_memory",
    "gpu_flops",
    "has_int8_products",
    "has_triton",
    "is_native",
    "keep_freed_memory",
    "limit_threads",
    "peak_flops",
    "peak_process_memory",
    "precision_warning",
    "prefers_attention_products",
    "processor_name",
    "return_freed_memory",
    "scoring_dtype",
    "supports_fused_adamw",
    "usable_cores",
]
