"""Memorization with a known truth: how often a fact stood in the training text, and whether it is known.

Each person of Storyworld keeps a thing under the bed. No document of the world says so: the fact is planted
0, 1, 10 or 100 times among stories, and the text is read once. The score is the fraction of facts whose thing
is likelier than nine others, so guessing scores 10%. It goes with GPT-2's question about memorization (§4).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from gpt_toolkit.analysis.paper_tables.storyworld_runs import Run, run_all
from gpt_toolkit.analysis.paper_tables.table import Estimate, Table
from gpt_toolkit.callbacks.console import say
from gpt_toolkit.io import atomic_file, read_json, write_json, write_text
from gpt_toolkit.progress import output_console
from gpt_toolkit.storyworld import stories
from gpt_toolkit.storyworld.chooser import Chooser
from gpt_toolkit.storyworld.people import PEOPLE

TIMES = (0, 1, 10, 100)
THINGS = ("basket", "bell", "boat", "coin", "drum", "key", "kite", "ladder", "lamp", "rope")
N_STEPS = 400  # tuned here: facts that stand 100 times are learned, in a few minutes on 2 CPU cores
_STORIES_PER_STEP = 18  # about 4,096 tokens, the step of storyworld/quickstart
_N_CHECKPOINTS = 6  # tuned here: enough to see a curve
_N_HELD_OUT = 200  # stories


class PlantedFact(NamedTuple):
    """A thing under a person's bed, and how often the training text says so."""

    person: str
    thing: str
    times: int

    @property
    def prompt(self) -> str:
        """The sentence without its thing."""
        return f"Under the bed {self.person} keeps a"

    @property
    def sentence(self) -> str:
        """The sentence that states the fact."""
        return f"{self.prompt} {self.thing}."


def planted_facts(seed: int) -> list[PlantedFact]:
    """Return a fact for each person; all things and numbers of times are equally frequent."""
    people = Chooser(Random(seed)).shuffled(person.full_name for person in PEOPLE)
    return [
        PlantedFact(person, THINGS[number // len(TIMES) % len(THINGS)], TIMES[number % len(TIMES)])
        for number, person in enumerate(people)
    ]


def training_documents(facts: Sequence[PlantedFact], n_stories: int, seed: int) -> list[str]:
    """Return stories and the planted sentences, each as often as its fact says, in random order."""
    sentences = [fact.sentence for fact in facts for _ in range(fact.times)]
    return Chooser(Random(seed)).shuffled([*islice(stories(seed), n_stories), *sentences])


def write_files(folder: Path, n_stories: int, seed: int) -> None:
    """Write the training text, held-out text, and a benchmark for each number of times."""
    facts = planted_facts(seed)
    _write_lines(
        folder / "train.jsonl", ({"text": text} for text in training_documents(facts, n_stories, seed))
    )
    held_out = islice(stories(seed, "validation"), _N_HELD_OUT)
    _write_lines(folder / "valid.jsonl", ({"text": text} for text in held_out))
    for times in TIMES:
        group = [fact for fact in facts if fact.times == times]
        _write_lines(
            folder / f"times_{times}.jsonl",
            (
                {"prompt": fact.prompt, "things": list(THINGS), "right": THINGS.index(fact.thing)}
                for fact in group
            ),
        )
        fields = {
            "name": f"times_{times}",
            "files": f"times_{times}.jsonl",
            "kind": "multiple_choice",
            **{"prompt": "{prompt}", "choices": "{things}", "answer": "{right}", "answer_is": "index"},
        }
        write_text(folder / f"times_{times}.yaml", json.dumps(fields))  # JSON is YAML


def _write_lines(path: Path, records: Any) -> None:
    write_text(path, "".join(json.dumps(record) + "\n" for record in records))


def frequency_run(output: Path, n_steps: int, extra: Sequence[str]) -> Run:
    """Return the run that reads the text and is scored at each of its checkpoints."""
    folder = output / "run"
    every = max(1, n_steps // _N_CHECKPOINTS)
    steps = range(every, n_steps + 1, every)
    fit = (
        *("--config", "storyworld/quickstart", "--data.dataset", "null", "--data.world", "null"),
        *("--data.files", str(output / "train.jsonl"), "--data.val_files", str(output / "valid.jsonl")),
        *("--data.limit_documents", "null", "--budget.minutes", "null"),
        *("--trainer.val_check_interval", str(every), "--checkpoints.keep_every_n_steps", str(every)),
        *("--samples.max_new_tokens", "0", *extra, "--trainer.max_steps", str(n_steps)),
        *("--trainer.default_root_dir", str(folder)),
    )
    benchmarks = ",".join(str(output / f"times_{times}.yaml") for times in TIMES)
    results = tuple(f"step-{step:07d}.json" for step in steps)
    then = tuple(
        (
            *("zero-shot", str(folder / "checkpoints" / f"step-{step:07d}.ckpt"), "--benchmarks", benchmarks),
            *("--output", str(folder / name)),
        )
        for step, name in zip(steps, results, strict=True)
    )
    seconds = 60.0 * n_steps / N_STEPS + 5.0 * len(then)
    return Run("planted facts", folder, fit, then, results, (), seconds)


def frequency_table(reports: Mapping[int, Mapping[str, Any]]) -> Table:
    """Return the percentage of facts that are known, by number of times and step.

    Args:
        reports: Report of ``gpt-toolkit zero-shot --output`` by step.
    """
    rows: dict[str, list[Any]] = {}
    for times in TIMES:
        found = [
            next(
                score
                for score in report["scores"]
                if (score["benchmark"], score["metric"]) == (f"times_{times}", "accuracy")
            )
            for report in reports.values()
        ]
        rows[f"{times} time{'s' * (times != 1)}"] = [
            Estimate(100 * s["value"], 100 * s["interval"], s["n"]) for s in found
        ]
    notes = [f"95% interval over the facts; guessing: {100 / len(THINGS):.0f}"]
    title = "Facts known, in percent, by how often they stood in the training text, over the steps"
    return Table(title, [f"{step:,}" for step in reports], rows, notes)


def draw(table: Table, path: Path) -> None:
    """Draw the table's rows over the steps as a PNG."""
    figure = Figure(figsize=(6.5, 4), layout="constrained")
    axes = figure.subplots()
    steps = [int(step.replace(",", "")) for step in table.columns]
    for name, cells in table.rows.items():
        estimates = [cell for cell in cells if isinstance(cell, Estimate)]
        means, errors = [cell.mean for cell in estimates], [cell.interval for cell in estimates]
        axes.errorbar(steps, means, yerr=errors, marker="o", capsize=3, label=name)
    axes.axhline(100 / len(THINGS), linestyle="--", linewidth=0.8, color="tab:gray")
    axes.set(xlabel="steps", ylabel="facts known, %", title="Storyworld: planted facts", ylim=(0, 102))
    axes.legend(title="in the text")
    axes.grid(alpha=0.3)
    with atomic_file(path) as partial:
        figure.savefig(partial, dpi=130, format="png")


def make_frequency_table(output: Path, extra: Sequence[str], seed: int = 1) -> None:
    """Train on a text with planted facts, unless it is done, and print and write the table.

    Args:
        output: Folder of the text, the run and the table; a stopped run resumes there.
        extra: Further options of ``fit``. The text is as long as ``--trainer.max_steps`` read once.
        seed: Seed of stories, facts and their order.

    Raises:
        FileExistsError: If the folder holds other files, or a run of other settings.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--trainer.max_steps", type=int, dest="steps", default=N_STEPS)
    n_steps = parser.parse_known_args(list(extra))[0].steps
    settings = {"steps": n_steps, "seed": seed, "pretrain": list(extra)}
    path = output / "settings.json"
    if not path.is_file():
        if output.is_dir() and any(output.iterdir()):
            raise FileExistsError(f"--output {output}: holds other files; choose a new folder")
        write_files(output, n_steps * _STORIES_PER_STEP, seed)
        write_json(path, settings)  # last: the text is complete
    elif read_json(path, "") != settings:
        raise FileExistsError(f"--output {output}: holds a run of other settings; choose a new folder")
    run = frequency_run(output, n_steps, extra)
    run_all([run])
    reports = {int(name[5:12]): read_json(run.folder / name, "") for name in run.results}
    table = frequency_table(reports)
    output_console().print(table.markdown(), markup=False, highlight=False)
    write_text(output / "frequency.md", table.markdown())
    write_json(output / "frequency.json", {"settings": settings, "table": table.to_json()})
    draw(table, output / "frequency.png")
    say(f"{output}: frequency.md, frequency.json, frequency.png; run/ is the run")
