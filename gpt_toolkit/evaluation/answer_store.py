"""Answers on disk: an evaluation that was stopped and is repeated computes only what is missing.

The store is ``answers/MODEL/EVALUATION.jsonl`` in the cache folder. MODEL is a hash of all that decides a
model's answers: weights, shape, dtype, tokenizer, device, and the code that computes. EVALUATION is a hash of
benchmark, protocol with its version, and requests. If any of these differs, nothing is reused.

A file only grows, by a line for each batch of answers: a checksum, and JSON. A line that is cut off or has a
changed byte does not count, so a process may be killed at any time, and several may write to one file.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from gpt_toolkit import backbone, generation, tokenizers
from gpt_toolkit.backbone import Decoder
from gpt_toolkit.evaluation.benchmark import Evaluation
from gpt_toolkit.generation.requests import Answer, Continuation, Request
from gpt_toolkit.io import cache_folder
from gpt_toolkit.tokenizers import Tokenizer

_HASHED_AT_ONCE = 4  # tensors; tuned here: a copy of each is in memory if the model is on a GPU


class AnswerStore:
    """Answers of a model to the requests of an evaluation.

    Args:
        path: The file; it need not exist.

    Attributes:
        answers: Answers that were stored before, by the number of their request.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers: dict[int, Answer] = {}
        lines = path.read_bytes().split(b"\n") if path.is_file() else []
        for line in lines:
            checksum, _, text = line.partition(b" ")
            if checksum == _checksum(text):
                self.answers |= {number: Answer(*fields) for number, *fields in json.loads(text)}

    def add(self, answers: Mapping[int, Answer]) -> None:
        """Append answers to the file."""
        text = json.dumps([[number, *answer] for number, answer in answers.items()]).encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab", buffering=0) as file:  # one system call writes the line
            file.write(b"\n%b %b\n" % (_checksum(text), text))  # a line that was cut off ends here


def store_folder(decoder: Decoder, tokenizer: Tokenizer, *, int8_range: int | None = None) -> Path:
    """Return the folder of a model's answers, named by a hash of all that decides them.

    Args:
        decoder: The whole decoder, in the dtype and on the device of the evaluation.
        tokenizer: Tokenizer of the requests.
        int8_range: Largest integer of an input in int8, in which CPUs differ; None: not quantized.
    """
    tensors = sorted(decoder.state_dict().items())
    with ThreadPoolExecutor(_HASHED_AT_ONCE) as threads:
        hashes = list(threads.map(_hash_tensor, (tensor for _, tensor in tensors)))
    settings = {
        "weights": dict(zip((name for name, _ in tensors), hashes, strict=True)),
        "decoder": decoder.config.to_fields(),
        "int8": int8_range,
        "tokenizer": tokenizer.fingerprint,
        "device": decoder.wte.weight.device.type,
        "torch": str(torch.__version__),
        "products": torch.get_float32_matmul_precision(),
        "code": _hash_code(),
    }
    return cache_folder() / "answers" / _hash([json.dumps(settings, sort_keys=True).encode()])


def open_store(folder: Path, evaluation: Evaluation) -> AnswerStore:
    """Open the store of an evaluation in the folder of a model."""
    requests = (request for item in evaluation.request_set.requests for request in item)
    described = (json.dumps(_fields(request)).encode() for request in requests)
    return AnswerStore(folder / f"{_hash([evaluation.name.encode(), *described])}.jsonl")


def _fields(request: Request) -> list[object]:
    fields: list[object] = [type(request).__name__, *request]
    if isinstance(request, Continuation):
        fields[-1] = sorted(request.excluded)
    return fields


def _checksum(text: bytes) -> bytes:
    return b"%08x" % zlib.crc32(text)


def _hash(parts: Iterable[bytes]) -> str:
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        found.update(hashlib.blake2b(part).digest())  # parts of equal length cannot run into one another
    return found.hexdigest()


def _hash_tensor(tensor: Tensor) -> str:
    values = tensor.detach().cpu().contiguous()
    content = values.reshape(-1).view(torch.uint8).numpy().data
    return f"{values.dtype} {tuple(values.shape)} {hashlib.blake2b(content).hexdigest()}"


@cache
def _hash_code() -> str:
    """Return a hash of the modules that compute answers, so that none is reused after one changed."""
    folders = (Path(*package.__path__) for package in (backbone, generation, tokenizers))
    files = sorted(file for folder in folders for file in folder.glob("*.py"))
    return _hash(file.read_bytes() for file in files)
