"""Benchmarks that fit a model, for a user who names none."""

from pathlib import Path
from typing import NamedTuple

from gpt_toolkit.checkpoints import StoredModel
from gpt_toolkit.evaluation.held_out_text import PREFIX, data_of, read_held_out, run_of
from gpt_toolkit.evaluation.registry import found_in
from gpt_toolkit.tokenizers.loading import load_tokenizer, tokenizer_of


class Choice(NamedTuple):
    """Names of benchmarks, and the reason for them."""

    names: list[str]
    reason: str


def choose_benchmarks(source: str, model: StoredModel, root: str | None) -> Choice:
    """Return the benchmarks that fit a model.

    Args:
        source: Model folder, checkpoint or hub id.
        model: The model.
        root: Folder of the benchmarks' files, if the user has one.

    Raises:
        FileNotFoundError: If the folder has no file of a benchmark.
    """
    if root is not None:
        if names := found_in(Path(root).expanduser()):
            return Choice(names, f"files in {root}")
        raise FileNotFoundError(f"--root {root}: no file of a benchmark found; name one by --benchmarks")
    if _knows_storyworld(source, model):
        return Choice(["storyworld"], "the model was trained on Storyworld")
    run = run_of(source)
    if run is not None:
        try:
            read_held_out(run)
        except (ValueError, OSError) as error:
            return Choice(["storyworld"], f"built in; the run's held-out text cannot be read ({error})")
        return Choice([f"{PREFIX}{run}"], "the run's held-out text")
    return Choice(["storyworld"], "built in; --root DIR finds files of published benchmarks")


def _knows_storyworld(source: str, model: StoredModel) -> bool:
    """Return whether a model has Storyworld's vocabulary, or its run read Storyworld."""
    run = run_of(source)
    if run is not None and "storyworld" in str(data_of(run).get("init_args", {}).get("dataset")):
        return True
    tokenizer = tokenizer_of(model.tokenizer, source)
    return tokenizer is not None and tokenizer.fingerprint == load_tokenizer("storyworld").fingerprint
