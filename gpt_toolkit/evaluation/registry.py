"""All benchmarks by name, and the pairs of benchmark and protocol that a user asks for."""

import difflib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from gpt_toolkit.evaluation import gpt1_benchmarks, gpt2_benchmarks, storyworld_benchmarks
from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.custom_benchmark import is_own, read_own
from gpt_toolkit.evaluation.protocol import Protocol
from gpt_toolkit.evaluation.supervised_prompts import PREFIX, worded

BENCHMARKS: Final[Mapping[str, Benchmark]] = MappingProxyType(
    {
        benchmark.name: benchmark
        for benchmark in (
            *gpt2_benchmarks.BENCHMARKS,
            *gpt1_benchmarks.BENCHMARKS,
            *storyworld_benchmarks.WORLD,
        )
    }
)
GROUPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "gpt2": tuple(benchmark.name for benchmark in gpt2_benchmarks.BENCHMARKS),
        "gpt1": tuple(benchmark.name for benchmark in gpt1_benchmarks.BENCHMARKS),
        "storyworld": tuple(benchmark.name for benchmark in storyworld_benchmarks.WORLD),
    }
)


def find(names: Sequence[str]) -> list[Benchmark]:
    """Benchmarks of names, of groups, of one's own YAML files, and supervised sets as text; each once.

    Raises:
        ValueError: If a name is unknown; with what exists.
    """
    found: dict[str, Benchmark] = {}
    for name in names:
        if is_own(name):
            own = read_own(name)
            if own.name in BENCHMARKS or own.name in found:
                raise ValueError(
                    f"benchmarks: {name} is called {own.name!r}, as another one is. Give it another name."
                )
            found[own.name] = own
            continue
        if name.startswith(PREFIX):
            found[name] = worded(name)
            continue
        for member in GROUPS.get(name, (name,)):
            if member not in BENCHMARKS:
                near = difflib.get_close_matches(name, [*BENCHMARKS, *GROUPS], n=3, cutoff=0.5)
                hint = f" Did you mean {' or '.join(near)}?" if near else ""
                raise ValueError(
                    f"benchmarks: there is no {name!r}.{hint} There are {', '.join(BENCHMARKS)}; the groups "
                    f"{', '.join(GROUPS)}; {PREFIX}SET for a supervised set as text; and files of your own "
                    "that end in .yaml."
                )
            found[member] = BENCHMARKS[member]
    return list(found.values())


def pairs(benchmarks: Sequence[Benchmark], specs: Sequence[str] | None) -> list[tuple[Benchmark, Protocol]]:
    """Every benchmark under every protocol that applies to it.

    Args:
        benchmarks: The benchmarks.
        specs: Names of protocols, with or without version; None: all that there are.

    Raises:
        ValueError: If a protocol is unknown to all benchmarks, or a benchmark has none of them.
    """
    if specs is None:
        return [(benchmark, protocol) for benchmark in benchmarks for protocol in benchmark.protocols]
    found = []
    for benchmark in benchmarks:
        chosen = {
            str(protocol): protocol for spec in specs if (protocol := benchmark.protocol(spec)) is not None
        }
        found += [(benchmark, protocol) for protocol in chosen.values()]
        if not chosen:
            raise ValueError(
                f"protocols: {benchmark.name} can be read under {_names(benchmark)}, and none of these is in "
                f"{', '.join(specs)}."
            )
    for spec in specs:
        if all(benchmark.protocol(spec) is None for benchmark in benchmarks):
            known = "; ".join(f"{benchmark.name}: {_names(benchmark)}" for benchmark in benchmarks)
            raise ValueError(f"protocols: there is no {spec!r} for these benchmarks. There are {known}.")
    return found


def _names(benchmark: Benchmark) -> str:
    return ", ".join(map(str, benchmark.protocols))
