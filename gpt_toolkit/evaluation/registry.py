"""All benchmarks by name, and the pairs of benchmark and protocol that a user chooses.

The catalogue is ``benchmarks.yaml``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from gpt_toolkit.evaluation import free_text, lambada, multiple_choice
from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.benchmark_files import READERS
from gpt_toolkit.evaluation.custom_benchmark import is_custom, read_custom
from gpt_toolkit.evaluation.item_sources import FileFormat, Files, Hub, ItemSource, Supervised, Variant, World
from gpt_toolkit.evaluation.perplexity import Corpus, perplexity_protocols
from gpt_toolkit.evaluation.protocol import EvaluationProtocol
from gpt_toolkit.evaluation.record_converters import HUB, SUPERVISED, WORLD
from gpt_toolkit.evaluation.supervised_prompts import PREFIX, supervised_benchmark
from gpt_toolkit.io import read_yaml
from gpt_toolkit.suggestions import did_you_mean

_CATALOGUE: dict[str, dict[str, Any]] = read_yaml(Path(__file__).with_name("benchmarks.yaml"))

FORMATS: Final[Mapping[str, FileFormat]] = MappingProxyType(
    {
        name: FileFormat(entry["beginning"], READERS[entry["read"]])
        for name, entry in _CATALOGUE.pop("formats").items()
    }
)
"""Formats of files by name."""

_PROTOCOLS: Final[Mapping[str, tuple[EvaluationProtocol, ...]]] = {
    "acceptability": multiple_choice.ACCEPTABILITY,
    "cloze": multiple_choice.CLOZE,
    "conversation": free_text.CONVERSATION,
    "lambada": lambada.PROTOCOLS,
    "questions": free_text.QUESTIONS,
    "reading": multiple_choice.READING,
    "resolution": multiple_choice.RESOLUTION,
    "schemas": multiple_choice.SCHEMAS,
    "sentiment": multiple_choice.SENTIMENT,
    "summaries": free_text.SUMMARIES,
}


def _benchmark(name: str, entry: Mapping[str, Any]) -> Benchmark:
    return Benchmark(name, entry["section"], _source(name, entry), _protocols(entry))


def _protocols(entry: Mapping[str, Any]) -> tuple[EvaluationProtocol, ...]:
    family = entry["protocols"]
    if family == "perplexity":
        return perplexity_protocols(Corpus(**entry["corpus"]))
    if family == "translation":
        protocols = free_text.translation(**entry["languages"])
        return tuple(each for each in protocols if str(each) in entry.get("only", [str(each)]))
    return _PROTOCOLS[family]


def _source(name: str, entry: Mapping[str, Any]) -> ItemSource:
    if world := entry.get("world"):
        return World(**{**world, "convert": WORLD[world["convert"]]})
    if supervised := entry.get("supervised"):
        return Supervised(**{**supervised, "convert": SUPERVISED[supervised["convert"]]})
    files, hub = dict(entry["files"]), entry.get("hub")
    files["formats"] = [(names, FORMATS[key]) for key, names in files["formats"].items()]
    files["variants"] = [Variant(**variant) for variant in files["variants"]]
    return Files(name, **files, hub=Hub(**{**hub, "convert": HUB[hub["convert"]]}) if hub else None)


BENCHMARKS: Final[Mapping[str, Benchmark]] = MappingProxyType(
    {name: _benchmark(name, entry) for group in _CATALOGUE.values() for name, entry in group.items()}
)
"""Benchmarks of the catalogue by name."""

GROUPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {name: tuple(group) for name, group in _CATALOGUE.items()}
)
"""Names of the benchmarks of each group."""


def find(names: Sequence[str]) -> list[Benchmark]:
    """Return the benchmarks of names, groups, your own YAML files and supervised datasets; each once.

    Raises:
        ValueError: If a name is unknown; lists the known ones.
    """
    found: dict[str, Benchmark] = {}
    for name in names:
        if is_custom(name):
            custom = read_custom(name)
            if custom.name in BENCHMARKS or custom.name in found:
                raise ValueError(
                    f"benchmarks: {name} is called {custom.name!r}, as another one is; give it another name"
                )
            found[custom.name] = custom
        elif name.startswith(PREFIX):
            found[name] = supervised_benchmark(name)
        else:
            found |= {member: _known(member) for member in GROUPS.get(name, (name,))}
    return list(found.values())


def _known(name: str) -> Benchmark:
    if name not in BENCHMARKS:
        hint = did_you_mean(name, [*BENCHMARKS, *GROUPS], n=3)
        raise ValueError(
            f"benchmarks: there is no {name!r}{hint}; there are {', '.join(BENCHMARKS)}; the groups "
            f"{', '.join(GROUPS)}; {PREFIX}SET for a supervised dataset as text; and your own files that end "
            "in .yaml"
        )
    return BENCHMARKS[name]


def pairs(
    benchmarks: Sequence[Benchmark], specs: Sequence[str] | None
) -> list[tuple[Benchmark, EvaluationProtocol]]:
    """Return every benchmark with every chosen protocol that applies to it.

    Args:
        benchmarks: The benchmarks.
        specs: Names of protocols, with or without version; None: all.

    Raises:
        ValueError: If a protocol is unknown to all benchmarks, or a benchmark has none of them.
    """
    if specs is None:
        return [(benchmark, protocol) for benchmark in benchmarks for protocol in benchmark.protocols]
    found: list[tuple[Benchmark, EvaluationProtocol]] = []
    used: set[str] = set()
    for benchmark in benchmarks:
        chosen: dict[str, EvaluationProtocol] = {}
        for spec in specs:
            if (protocol := benchmark.protocol(spec)) is not None:
                chosen[str(protocol)] = protocol
                used.add(spec)
        if not chosen:
            raise ValueError(
                f"protocols: {benchmark.name} can be read under {_names(benchmark)}, and none of these is in "
                f"{', '.join(specs)}"
            )
        found += [(benchmark, protocol) for protocol in chosen.values()]
    for spec in specs:
        if spec not in used:
            known = "; ".join(f"{benchmark.name}: {_names(benchmark)}" for benchmark in benchmarks)
            raise ValueError(f"protocols: there is no {spec!r} for these benchmarks. There are {known}")
    return found


def _names(benchmark: Benchmark) -> str:
    return ", ".join(map(str, benchmark.protocols))
