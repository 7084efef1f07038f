"""What a benchmark is, and the protocol that a name means."""

from dataclasses import dataclass

from gpt_toolkit.evaluation.item_sources import RowSource
from gpt_toolkit.evaluation.perplexity import Corpus, hf_strided, protocols
from gpt_toolkit.evaluation.protocol import Protocol


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of one of the papers, or one's own.

    Args:
        name: What it is called by.
        section: Where the paper has it.
        source: Where its rows come from.
        protocols: How they become numbers, the paper's way first.
        corpus: How its text is written, for those that are running text.
    """

    name: str
    section: str
    source: RowSource
    protocols: tuple[Protocol, ...]
    corpus: Corpus | None = None

    def protocol(self, spec: str) -> Protocol | None:
        """The protocol that a name with or without its version means; None if there is none of it here.

        ``hf-strided-1:512`` has a stride of its own, ``hf-strided-1:512:1024`` a window too.
        """
        name, *numbers = spec.split(":")
        found = next((p for p in self.protocols if name in (p.name, str(p))), None)
        if not numbers or found is None or self.corpus is None or found.name != "hf-strided":
            return None if numbers else found
        if len(numbers) > 2 or not all(number.isdecimal() and int(number) for number in numbers):
            raise ValueError(
                f"protocols: {spec!r} should end in a stride in tokens, and a window if wanted: "
                f"{name}:512:1024."
            )
        stride, window = (*map(int, numbers), None)[:2]
        if window is not None and stride is not None and stride > window:
            raise ValueError(
                f"protocols: {spec!r} moves by more than its window, so that tokens are left out."
            )
        return _Numbered(**vars(hf_strided(self.corpus, stride, window)), suffix=":".join(["", *numbers]))


@dataclass(frozen=True)
class _Numbered(Protocol):
    """A protocol with numbers of its own behind its name."""

    suffix: str = ""

    def __str__(self) -> str:
        return f"{self.name}-{self.version}{self.suffix}"


def text_benchmark(name: str, section: str, source: RowSource, corpus: Corpus) -> Benchmark:
    """A benchmark of running text, with all protocols that it can be read under."""
    return Benchmark(name, section, source, protocols(corpus), corpus)
