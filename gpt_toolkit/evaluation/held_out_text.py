"""Held-out text of a pre-training run as a benchmark: ``held_out:runs/own``.

It is the text of the run's test split, else of its validation split, as the token cache of the run has it.
"""

from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.items import Document, Items
from gpt_toolkit.evaluation.perplexity import Corpus, perplexity_protocol
from gpt_toolkit.yaml_files import read_yaml

PREFIX: Final = "held_out:"
_PROTOCOLS: Final = ("lm-eval-1", "hf-strided-1")
"""Protocols of running text. Megatron's reads each token 32 times, and the paper's needs a de-tokenizer."""
_TOKENS: Final = 50_000
"""Largest number of tokens to read; tuned here: a minute for a small model on 2 CPU cores."""


def run_of(model: str) -> Path | None:
    """Return the folder of the run that wrote a model folder or a checkpoint; None if no run did."""
    path = Path(model).expanduser()
    folders = (path, path.parent, path.parent.parent)
    return next((folder for folder in folders if (folder / "config.yaml").is_file()), None)


def data_of(run: Path) -> dict[str, Any]:
    """Return class and arguments of a run's data; empty if its config has none."""
    config = read_yaml(run / "config.yaml")
    data = config.get("data") if isinstance(config, dict) else None
    return data if isinstance(data, dict) else {}


@lru_cache(maxsize=1)
def read_held_out(run: Path) -> Items:
    """Return the held-out documents of a run, the first 50,000 tokens of them.

    Raises:
        ValueError: If the run did not train on running text, or held out none.
        OSError: If its text is not found.
    """
    data = data_of(run)
    if not str(data.get("class_path")).endswith(CorpusDataModule.__name__):
        raise ValueError(f"{run}: its data are not running text; expected a pre-training run")
    corpus = CorpusDataModule(**data.get("init_args", {}))
    corpus.prepare_data()
    corpus.setup()
    splits = [split for split in ("test", "val") if split in corpus.cache.splits]
    if not splits:
        raise ValueError(f"{run}: no held-out text; expected data.val_fraction above 0 or data.val_files")
    tokens = corpus.cache.tokens(splits[0])
    ids = tokens.read(0, min(_TOKENS, len(tokens))).tolist()
    end = corpus.vocabulary.end_of_text
    texts = [
        corpus.vocabulary.decode(list(part))
        for is_end, part in groupby(ids, key=lambda token: token == end)
        if not is_end
    ]
    origin = f"held-out text of {run} ({splits[0]}), {len(ids):,} of {len(tokens):,} tokens"
    return Items([Document(text) for text in texts], origin)


def held_out_benchmark(name: str) -> Benchmark:
    """Return the benchmark of a name such as ``held_out:runs/own``.

    Raises:
        ValueError: If no run is there.
    """
    run = run_of(name.removeprefix(PREFIX))
    if run is None:
        raise ValueError(f"benchmarks: {name}; expected the folder of a run after {PREFIX}")

    def read(root: Path | None, limit: int | None, check: bool) -> Items:
        found = read_held_out(run)
        return found._replace(items=found.items[:limit])

    protocols = tuple(perplexity_protocol(key, Corpus()) for key in _PROTOCOLS)
    return Benchmark(name, "", read, protocols)
