"""Files of every reader, with changed bytes.

A reader refuses a file in one line that names it, or returns what was written. A file without a checksum may
also be read as something else. Nothing else may happen: no other error, no long wait.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from gpt_toolkit import checksums
from gpt_toolkit.checkpoints import open_model, torch_pickle
from gpt_toolkit.cli import main
from gpt_toolkit.data.file_memo import FileMemo
from gpt_toolkit.data.pretraining.text_files import read_documents
from gpt_toolkit.data.pretraining.token_shards import TokenCache
from gpt_toolkit.data.supervised.open_dataset import open_dataset
from gpt_toolkit.data.supervised.tokenized_dataset import TokenizedDataset
from gpt_toolkit.evaluation.answer_store import AnswerStore
from gpt_toolkit.evaluation.custom_benchmark import read_custom
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.generation.requests import Answer
from gpt_toolkit.tokenizers import load_tokenizer
from gpt_toolkit.tokenizers.loading import tokenizer_name
from gpt_toolkit.yaml_files import read_yaml
from tests.checkpoints.layouts import (
    SHAPES,
    checkpoint_content,
    nanogpt_content,
    random_decoder,
    write_openai_gpt1,
    write_openai_gpt2,
)
from tests.commands import CONFIG
from tests.data.fakes import encoded, single
from tests.data.pretraining.numbered_documents import Documents, run
from tests.small_runs import TEXT

SECONDS = 20
"""Longer than any reader needs for these files, which are small."""

Read = Callable[[Path], Any]


@dataclass(frozen=True)
class Reader:
    """A reader and a file for it.

    Attributes:
        write: Writes the file, and others next to it, into a folder; returns its path.
        read: Reads the file and returns its content.
        is_checked: Whether the file has a checksum, so that no other content may be returned.
    """

    write: Callable[[Path], Path]
    read: Read
    is_checked: bool = False


# ---------------------------------------------------------------------- text and records

ROWS = [
    {"text": f'row {i} is {("bad", "good")[i % 2]}; "{i}"\tä', "label": ("no", "yes")[i % 2]}
    for i in range(20)
]


def text_file(name: str, content: str | bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        data = content.encode() if isinstance(content, str) else content
        path = folder / name
        path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
        return path

    return write


def parquet_file(folder: Path) -> Path:
    path = folder / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path)
    return path


def delimited(delimiter: str) -> str:
    lines = [delimiter.join(ROWS[0])]
    for row in ROWS:
        text = (
            row["text"].replace("\t", " ")
            if delimiter == "\t"
            else '"' + row["text"].replace('"', '""') + '"'
        )
        lines.append(f"{text}{delimiter}{row['label']}")
    return "\n".join(lines) + "\n"


def json_lines() -> str:
    return "".join(json.dumps(row) + "\n" for row in ROWS)


def documents(path: Path) -> list[str]:
    return ["".join(chunks) for chunks in read_documents(path, "text")]


def examples(path: Path) -> list[Any]:
    dataset = open_dataset(str(path))
    return [dataset.spec, *dataset.examples("train")]


# ---------------------------------------------------------------------- caches


def shard(folder: Path) -> Path:
    return run(Documents(), folder).folder / "train-00001.tokens"


def tokens(path: Path) -> list[Any]:
    cache = TokenCache.open(path.parent)
    streams = [cache.tokens(split) for split in cache.splits]
    return [cache.manifest, *(stream.read(0, len(stream)).tolist() for stream in streams)]


def encoded_file(name: str) -> Callable[[Path], Path]:
    return lambda folder: encoded(single("fake", 20), folder).folder / name


def encoded_examples(path: Path) -> list[Any]:
    rows = TokenizedDataset(path.parent)
    texts = [text.tolist() for index in range(len(rows)) for text in rows.texts(index)]
    return [texts, rows.references, rows.targets.tolist(), rows.subsets.tolist(), rows.notes]


def memo_file(folder: Path) -> Path:
    source = folder / "text.txt"
    source.write_text("some text")
    FileMemo(folder / "memo").checksum(source)
    return next((folder / "memo").iterdir())


def memo(path: Path) -> list[Any]:
    """Read through the memo, which may always compute again."""
    facts = FileMemo(path.parent)
    source = path.parents[1] / "text.txt"
    return [facts.checksum(source), facts.text_size(source)]


ANSWERS = {number: Answer(-number / 7, number % 2 == 0) for number in range(20)}


def answers_file(folder: Path) -> Path:
    store = AnswerStore(folder / "answers.jsonl")
    for number, answer in ANSWERS.items():
        store.add({number: answer})
    return store.path


def wrong_answers(path: Path) -> dict[int, Answer]:
    """Return the answers that differ; missing ones are computed again."""
    return {number: one for number, one in AnswerStore(path).answers.items() if one != ANSWERS[number]}


def vocabulary(folder: Path) -> Path:
    del folder  # it is in the cache
    return Path(tokenizer_name(load_tokenizer("bytes").files(), "model")) / "tokenizer.json"


# ---------------------------------------------------------------------- models


def model_file(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        shape = (1, 2, 8, 16, 257)
        LanguageModel(random_decoder("pre", shape), load_tokenizer("bytes")).save(folder / "model")
        return folder / "model" / name

    return write


def pair_file(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "vocab.bpe").write_text("#version: 0.2\nl o\nlo w\n")
        pieces = ["l", "o", "w", "lo", "low", "e", "<|endoftext|>"]
        (folder / "encoder.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}))
        return folder / name

    return write


def tokenizer(path: Path) -> list[Any]:
    loaded = load_tokenizer(path.parent)
    texts = [loaded.decode([i]) for i in range(min(300, loaded.vocab_size))]
    return [texts, loaded.fingerprint, loaded.end_ids]


def torch_file(name: str, content: Callable[[], dict[str, Any]]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        torch.save(content(), folder / name)
        return folder / name

    return write


def state(path: Path) -> list[Any]:
    """Read config, weights and tokenizer of a model: a file, or a file of a folder."""
    is_single = path.suffix in (".ckpt", ".pt")
    model = open_model(path if is_single else path.parent)
    weights = {name: tensor.numpy().tobytes() for name, tensor in model.read().items()}
    files = model.tokenizer if isinstance(model.tokenizer, dict) else None
    return [model.config, weights, files, model.notes]


def openai(name: str, write_model: Callable[..., Path], norm: Any) -> Callable[[Path], Path]:
    shape = (1, 12, 24, 8, 30)  # GPT-1 has 12 heads
    return lambda folder: write_model(folder / "openai", random_decoder(norm, shape)) / name


# ---------------------------------------------------------------------- YAML


def benchmark_file(folder: Path) -> Path:
    (folder / "rows.jsonl").write_text(json_lines())
    path = folder / "own.yaml"
    path.write_text(
        "name: own\nfiles: rows.jsonl\nkind: multiple_choice\nprompt: 'Is {text}?'\n"
        "choices: ['no', 'yes']\nanswer: '{label}'\n"
    )
    return path


def config_file(folder: Path) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(CONFIG.replace("corpus.txt", str(folder / "corpus.txt")))
    (folder / "corpus.txt").write_text(TEXT)
    return path


def settings(path: Path) -> str:
    """Parse a config as ``fit`` does."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["fit", "--config", str(path), "--print_config"])
    if code != 0:
        message = err.getvalue().removeprefix("gpt-toolkit: ").removesuffix("\n")
        if message.startswith("internal error"):
            raise RuntimeError(message)
        raise ValueError(f"{path}: {message}")
    return out.getvalue()


READERS = {
    "text": Reader(text_file("a.txt", TEXT), documents),
    "packed text": Reader(text_file("a.txt.gz", TEXT), documents),
    "UTF-16": Reader(text_file("a.txt", TEXT.encode("utf-16")), documents),
    "JSON lines of text": Reader(text_file("a.jsonl", json_lines()), documents),
    "parquet of text": Reader(parquet_file, documents),
    "CSV": Reader(text_file("a.csv", delimited(",")), examples),
    "TSV": Reader(text_file("a.tsv", delimited("\t")), examples),
    "JSON lines": Reader(text_file("a.jsonl", json_lines()), examples),
    "JSON": Reader(text_file("a.json", json.dumps(ROWS)), examples),
    "parquet": Reader(parquet_file, examples),
    "token shard": Reader(shard, tokens, is_checked=True),
    "token manifest": Reader(
        lambda folder: shard(folder).with_name("manifest.json"), tokens, is_checked=True
    ),
    "encoded ids": Reader(encoded_file("ids.bin"), encoded_examples, is_checked=True),
    "encoded ends": Reader(encoded_file("ends.npy"), encoded_examples, is_checked=True),
    "encoded table": Reader(encoded_file("examples.npy"), encoded_examples, is_checked=True),
    "encoded references": Reader(encoded_file("references.jsonl"), encoded_examples, is_checked=True),
    "encoded manifest": Reader(encoded_file("manifest.json"), encoded_examples, is_checked=True),
    "checksums of files": Reader(memo_file, memo, is_checked=True),
    "stored answers": Reader(answers_file, wrong_answers, is_checked=True),
    "cached vocabulary": Reader(vocabulary, tokenizer, is_checked=True),
    "config.json": Reader(model_file("config.json"), state),
    "safetensors": Reader(model_file("model.safetensors"), state),
    "tokenizer.json": Reader(model_file("tokenizer.json"), tokenizer),
    "tokenizer_config.json": Reader(model_file("tokenizer_config.json"), tokenizer),
    "vocab.bpe": Reader(pair_file("vocab.bpe"), tokenizer),
    "encoder.json": Reader(pair_file("encoder.json"), tokenizer),
    "checkpoint": Reader(
        torch_file("a.ckpt", lambda: checkpoint_content(random_decoder("pre", SHAPES[0]))),
        state,
        is_checked=True,
    ),
    "nanoGPT": Reader(
        torch_file("ckpt.pt", lambda: nanogpt_content(random_decoder("pre", SHAPES[0]))),
        state,
        is_checked=True,
    ),
    "GPT-2 index": Reader(openai("model.ckpt.index", write_openai_gpt2, "pre"), state),
    "GPT-2 data": Reader(
        openai("model.ckpt.data-00000-of-00001", write_openai_gpt2, "pre"), state, is_checked=True
    ),
    "GPT-2 hparams": Reader(openai("hparams.json", write_openai_gpt2, "pre"), state),
    "GPT-1 shapes": Reader(openai("params_shapes.json", write_openai_gpt1, "post"), state),
    "GPT-1 values": Reader(openai("params_0.npy", write_openai_gpt1, "post"), state),
    "YAML": Reader(config_file, read_yaml),
    "benchmark": Reader(benchmark_file, lambda path: repr(read_custom(path))),
    "config": Reader(config_file, settings),
}


# ---------------------------------------------------------------------- mutations


def mutate(content: bytes, draw: random.Random) -> bytes:
    """Return a content with a bit, bytes or a number changed, removed, repeated or inserted, or cut short."""
    place = draw.randrange(len(content))
    end = place + draw.randrange(1, 1 + min(200, len(content)))
    digits = [i for i, byte in enumerate(content) if 48 <= byte <= 57] if len(content) < 20_000 else []
    kind = draw.randrange(8 if digits else 7)
    if kind == 0:
        return content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :]
    if kind == 1:
        return content[:place] + draw.randbytes(end - place) + content[end:]
    if kind == 2:
        return content[:place]
    if kind == 3:
        return content[:place] + content[end:]
    if kind == 4:
        return content[:end] + content[place:end] + content[end:]
    if kind == 5:
        return (
            content[:place]
            + draw.choice([b"\0", b"\xff" * 8, b"[" * 200, b'"', b"{}", b"\r"])
            + content[place:]
        )
    if kind == 6:
        return content[:place] + bytes(end - place) + content[end:]
    place = draw.choice(digits)
    number = draw.choice([b"-1", b"1" * 13, b"1e999", b"9" * 5000, b"null", b'"x"', b"[]", b"0.5"])
    return content[:place] + number + content[place + 1 :]


@contextmanager
def limited() -> Iterator[None]:
    """Raise TimeoutError in a block that takes longer than :data:`SECONDS`."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"longer than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def equal(a: Any, b: Any) -> bool:
    return bool(repr(a) == repr(b)) if not isinstance(a, np.ndarray) else bool(np.array_equal(a, b))


def try_mutations(reader: Reader, folder: Path, n: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Read a file with n mutations, one after another.

    Returns:
        The number of each outcome, and a line for each that must not happen.
    """
    path = reader.write(folder)
    whole = path.read_bytes()
    expected = reader.read(path)
    draw, counts, wrong = random.Random(seed), Counter[str](), list[str]()
    for number in range(n):
        content = mutate(whole, draw)
        path.write_bytes(content)
        checksums._verified.clear()  # a later file of the same size may have the same time
        torch_pickle._verify_archive.cache_clear()
        try:
            with limited():
                found = reader.read(path)
        except TimeoutError as error:
            outcome, problem = "hang", str(error)
        except (ValueError, OSError) as error:
            message = str(error)
            is_good = str(path) in message or str(path.parent) in message
            is_good = is_good and "\n" not in message and len(message) < 1500
            outcome, problem = (
                ("refused", "") if is_good else ("unclear", f"{type(error).__name__}: {message}")
            )
        except Exception as error:
            outcome, problem = "traceback", f"{type(error).__name__}: {error}"
        else:
            same = equal(found, expected)
            outcome = "equal" if same else "different" if reader.is_checked else "read"
            problem = "another content without an error" if outcome == "different" else ""
        counts[outcome] += 1
        if problem:
            wrong.append(f"mutation {number}: {outcome}: {problem[:400]}")
    path.write_bytes(whole)
    return counts, wrong


def report() -> int:
    """Print the outcomes of some readers; run as ``python -m tests.faults.mutated_files``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", help="names of readers (default: all)")
    parser.add_argument("--n", type=int, default=10_000, help="mutations of each reader (default: 10000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the mutations (default: 1)")
    args = parser.parse_args()
    total, n_wrong = Counter[str](), 0
    for name in args.readers or READERS:
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            counts, wrong = try_mutations(READERS[name], Path(folder), args.n, args.seed)
        total += counts
        n_wrong += len(wrong)
        print(f"{name:24} {dict(counts)} {time.monotonic() - begin:.0f} s", flush=True)
        for line in wrong[:10]:
            print(f"    {line}", flush=True)
    print(f"in all {total.total():,}: {dict(total)}")
    return int(n_wrong > 0)


if __name__ == "__main__":
    sys.exit(report())
