"""Throughput and memory of making token shards, compared with tiktoken alone and with nanoGPT's script.

    python benchmarks/prepare.py --files BOOKS --tokenizer GPT2_FOLDER --output prepare.json

Ours is `gpt-toolkit prepare`: it reads, checks and encodes files, and writes shards with checksums. The
bound is tiktoken alone, which encodes texts in memory on as many threads and stores nothing. nanoGPT's
script maps a table of documents to lists of ids in several processes, and fills a file of ids from it. All
encode the same files to the same ids, in turns. Where gigatoken is installed, ours also encodes with it
(`gpt_toolkit[fast]`), and its bound is gigatoken alone on texts in memory. Then ours reads ten times as much
text, made by repetition with changes, and its memory is compared with that of the original text.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import tiktoken

from benchmarks import corpus
from benchmarks.side_by_side import argument_parser, keep, parse, print_machine, print_table, stamp
from benchmarks.workers import Turns, Worker, choose_start_method, compare
from gpt_toolkit.data.file_memo import FileMemo
from gpt_toolkit.data.pretraining.parallel_tokenize import encode_on_threads
from gpt_toolkit.data.pretraining.text_files import FileCorpus, divide
from gpt_toolkit.data.pretraining.write_token_shards import prepare_tokens
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import gigatoken_encoder, load_tokenizer
from gpt_toolkit.tokenizers.byte_level_bpe import SPLIT, ByteLevelBPE

OURS, OURS_ONE, OURS_FAST, ALONE, FAST_ALONE, NANO = (
    "gpt_toolkit",
    "gpt_toolkit, one thread",
    "gpt_toolkit[fast]",
    "tiktoken alone",
    "gigatoken alone",
    "nanoGPT's way",
)
READING = "gpt_toolkit, reading alone"
TIMES = 10  # factor of the text for the second measurement of memory
TARGET_MB_S = 11.0


def prepare(
    turns: Turns, folder: Path, tokenizer: str, scratch: Path, threads: int, *, gigatoken: bool = False
) -> dict[str, Any]:
    """Prepare with the toolkit; each round starts without a cache."""
    os.environ["GPT_TOOLKIT_CACHE"] = str(scratch / "cache")
    os.environ[gigatoken_encoder.VARIABLE] = str(int(gigatoken))
    loaded = load_tokenizer(tokenizer)
    loaded.encode_chunk("", first=True)  # which makes the tables
    n_tokens = number = 0
    while turns.wait():
        with ProgressBar("Text to tokens") as progress:
            parts = divide([str(folder)], [], [], memo := FileMemo(scratch / f"files-{number}", progress))
            corpus = FileCorpus(parts, 0.0, "text", None, None, memo)
            root = scratch / f"tokens-{number}"
            encoder = partial(encode_on_threads, n_threads=threads)
            cache = prepare_tokens(corpus, loaded, root, progress, encoder=encoder)
        n_tokens, number = cache.n_tokens("train"), number + 1
    return {"tokens": n_tokens}


def reading(turns: Turns, folder: Path, scratch: Path) -> None:
    """Do what a single process must do, however many others encode."""
    number = 0
    while turns.wait():
        parts = divide([str(folder)], [], [], memo := FileMemo(scratch / f"files-{number}"))
        corpus = FileCorpus(parts, 0.0, "text", None, None, memo)
        corpus.identity()
        for _ in corpus.chunks():
            pass
        number += 1


def tiktoken_alone(turns: Turns, folder: Path, tokenizer: str, threads: int) -> dict[str, Any]:
    """Encode documents in memory to arrays of ids."""
    encoding, _ = encoding_of(tokenizer)
    documents = [path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())]
    documents.sort(key=len, reverse=True)  # so that no thread starts the longest document last
    encode = partial(encoding.encode_to_numpy, disallowed_special=())
    n_tokens = 0
    with ThreadPoolExecutor(threads) as pool:
        while turns.wait():
            n_tokens = sum(1 + len(ids) for ids in pool.map(encode, documents))
    return {"tokens": n_tokens}


def gigatoken_alone(turns: Turns, folder: Path, tokenizer: str, threads: int) -> dict[str, Any]:
    """Encode documents in memory to arrays of ids, with gigatoken's own threads."""
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    import gigatoken

    files = load_tokenizer(tokenizer).files()
    encoder = gigatoken.Tokenizer.from_json(files["tokenizer.json"])
    documents = [path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())]
    n_tokens = 0
    while turns.wait():
        n_tokens = sum(1 + len(ids) for ids in encoder.encode_batch(documents, parallel=True))
    return {"tokens": n_tokens}


def as_nanogpt(turns: Turns, folder: Path, tokenizer: str, scratch: Path, processes: int) -> dict[str, Any]:
    """Map a table of documents and fill a memory-mapped file."""
    os.environ["HF_HOME"] = str(scratch)
    import datasets

    datasets.disable_progress_bars()
    encoding, end_of_text = encoding_of(tokenizer)

    def tokens_of(example: dict[str, str]) -> dict[str, Any]:
        ids = encoding.encode_ordinary(example["text"])
        ids.append(end_of_text)
        return {"ids": ids, "len": len(ids)}

    n_tokens = number = 0
    while turns.wait():
        texts = [path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())]
        table = datasets.Dataset.from_dict({"text": texts})
        mapped = table.map(
            tokens_of,
            remove_columns=["text"],
            num_proc=min(processes, len(texts)),
            load_from_cache_file=False,
            desc=None,
        )
        n_tokens = int(np.sum(mapped["len"], dtype=np.uint64))
        path = scratch / f"{number}.bin"
        ids = np.memmap(path, dtype=np.uint16, mode="w+", shape=(n_tokens,))
        n_parts = min(1024, len(texts))
        at = 0
        for part in range(n_parts):
            batch = mapped.shard(num_shards=n_parts, index=part, contiguous=True).with_format("numpy")
            together = np.concatenate(list(_rows(batch["ids"])))
            ids[at : at + len(together)] = together
            at += len(together)
        ids.flush()
        number += 1
    unit = 1 if sys.platform == "darwin" else 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e6
    return {"tokens": n_tokens, "largest_child_mb": child}


def _rows(column: Iterable[Any]) -> Iterable[Any]:
    return (np.asarray(row) for row in column)


def encoding_of(tokenizer: str) -> tuple[tiktoken.Encoding, int]:
    """Return tiktoken's encoding with the same vocabulary.

    Raises:
        ValueError: If tiktoken does not support the vocabulary.
    """
    loaded = load_tokenizer(tokenizer)
    if not isinstance(loaded, ByteLevelBPE):
        raise ValueError(f"--tokenizer: {tokenizer}; expected a byte-level BPE, which tiktoken supports")
    end_of_text = loaded.end_of_text
    ranks = {loaded.decode_bytes([i]): i for i in range(loaded.vocab_size) if i != end_of_text}
    marks = {"<|endoftext|>": end_of_text}
    return tiktoken.Encoding(
        "benchmark", pat_str=SPLIT, mergeable_ranks=ranks, special_tokens=marks
    ), end_of_text


# ---------------------------------------------------------------------- what is measured


def measure(folder: Path, tokenizer: str, threads: int, rounds: int, scratch: Path) -> dict[str, Any]:
    """Measure the MB per second of all contestants."""
    rooms = {name: scratch / str(i) for i, name in enumerate((OURS, OURS_ONE, OURS_FAST, NANO, READING))}
    for room in rooms.values():
        room.mkdir(parents=True)
    workers = {
        OURS: partial(Worker, prepare, folder, tokenizer, rooms[OURS], threads),
        ALONE: partial(Worker, tiktoken_alone, folder, tokenizer, threads),
        NANO: partial(Worker, as_nanogpt, folder, tokenizer, rooms[NANO], threads),
    }
    if gigatoken_encoder.has_gigatoken():
        fast = partial(prepare, gigatoken=True)
        workers[OURS_FAST] = partial(Worker, fast, folder, tokenizer, rooms[OURS_FAST], threads)
        workers[FAST_ALONE] = partial(Worker, gigatoken_alone, folder, tokenizer, threads)
    workers[READING] = partial(Worker, reading, folder, rooms[READING])
    if threads > 1:
        workers[OURS_ONE] = partial(Worker, prepare, folder, tokenizer, rooms[OURS_ONE], 1)
    seconds, said = compare(workers, rounds)
    counts = {name: each["tokens"] for name, each in said.items() if "tokens" in each}
    if len(set(counts.values())) != 1:
        raise RuntimeError(f"token counts: {counts}; expected equal counts")
    speed = {name: corpus.size_mb(folder) / median(times) for name, times in seconds.items()}
    return {
        "threads": threads,
        "tokens": counts[OURS],
        "mb_per_second": speed,
        "target": TARGET_MB_S,
        "ratio": {name: speed[OURS] / speed[name] for name in speed if name != OURS},
        "memory_mb": {name: each["work_mb"] for name, each in said.items()},
        "largest_child_mb": said[NANO]["largest_child_mb"],
        "seconds": seconds,
    }


def memory(
    folder: Path, larger: Path, tokenizer: str, threads: int, scratch: Path
) -> dict[str, dict[str, float]]:
    """Measure speed and memory of the toolkit on both texts, each once in its own process."""
    found = {}
    for name, text in (("once", folder), (f"{TIMES} times", larger)):
        (room := scratch / name).mkdir(parents=True)
        workers = {name: partial(Worker, prepare, text, tokenizer, room, threads)}
        seconds, said = compare(workers, 1)
        size = corpus.size_mb(text)
        found[name] = {
            "mb": size,
            "mb_per_second": size / seconds[name][0],
            "memory_mb": said[name]["work_mb"],
        }
    return found


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and return the exit code."""
    parser = argument_parser(__doc__, rounds=5)
    corpus.add_arguments(parser)
    parser.add_argument(
        "--tokenizer",
        default="storyworld",
        metavar="NAME",
        help="encode with this byte-level BPE, a name or folder (default: %(default)s)",
    )
    args = parse(parser, argv)
    choose_start_method("gpt_toolkit.data.pretraining.write_token_shards", quick=args.quick)
    about = stamp(["tiktoken", "datasets"])
    threads = about["threads"]
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        text = corpus.unpack(args.files, scratch / "text", 0.05 if args.quick else 20)
        corpus.enlarge(scratch / "text", scratch / "larger", TIMES)
        found = measure(
            scratch / "text", args.tokenizer, threads, 1 if args.quick else args.rounds, scratch / "rooms"
        )
        flat = memory(scratch / "text", scratch / "larger", args.tokenizer, threads, scratch / "memory")
    name = load_tokenizer(args.tokenizer).name
    once, more = flat.values()
    report = {
        "machine": about,
        "setting": {**text, "tokenizer": name},
        **found,
        "ten_times": flat,
        "memory_growth": more["memory_mb"] / once["memory_mb"],
    }
    print_machine(about)
    print(f"{text['text']}, {text['mb']:.1f} MB, vocabulary {name}, {threads} threads or processes\n")
    _show(report)
    keep(args, report)
    return 0


def _show(report: dict[str, Any]) -> None:
    rows = []
    for name, speed in report["mb_per_second"].items():
        ratio = report["ratio"].get(name, 1.0)
        rows.append([name, speed, ratio, report["memory_mb"][name]])
    print_table(["", "MB/s", "ours to it", "MB of memory"], rows)
    print(f"{NANO}: a process has {report['largest_child_mb']:,.0f} MB more\n")
    print_table(
        ["ours on the text", "MB", "MB/s", "MB of memory"],
        [[n, *v.values()] for n, v in report["ten_times"].items()],
    )
    print(f"\nmemory on ten times as much text: {report['memory_growth']:.2f} times as much")


if __name__ == "__main__":
    raise SystemExit(main())
