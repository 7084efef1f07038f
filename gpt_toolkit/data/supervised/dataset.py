"""A supervised set out of its files' rows: numbers them, looks labels up, refuses what is wrong."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.data.supervised.example import Example
from gpt_toolkit.data.supervised.label_maps import Targets
from gpt_toolkit.data.supervised.record_readers import Fault
from gpt_toolkit.data.supervised.schemas import Raw

READER_VERSION: Final = 1
"""Raised when the same files give other rows than before."""


class Source(Protocol):
    """Rows of one split, wherever they lie."""

    @property
    def title(self) -> str:
        """Their form, for messages."""

    def identity(self) -> object:
        """All that decides which rows it gives, as plain JSON values."""

    def rows(self, fault: Fault) -> Iterator[Raw]:
        """The rows in order; ``fault`` is told of those that cannot be read."""


class RowSet:
    """A labelled set.

    Args:
        spec: Kind, labels and metrics.
        title: What it is and where it lies.
        sources: Rows by split.
        targets: What their labels stand for.
        published: Rows that each split should have.
        variants: What is known of copies with other numbers of rows, by split and number.
        divided: By which rule training and validation are made of one file; "" if each has its own.
        notes: Remarks on the whole set, known beforehand.
        tolerant: Whether rows with missing fields or empty texts are left out and counted, since the
            published files have some; else they are refused.
        prompt: What stands between input and target, for text; "" leaves the choice to the reader.
    """

    def __init__(
        self,
        spec: TaskSpec,
        title: str,
        sources: Mapping[str, Source],
        targets: Targets,
        *,
        published: Mapping[str, int] | None = None,
        variants: Mapping[tuple[str, int], str] | None = None,
        divided: str = "",
        notes: Sequence[str] = (),
        tolerant: bool = False,
        prompt: str = "",
    ) -> None:
        self.spec, self.title, self.prompt = spec, title, prompt
        self._sources, self._targets, self._tolerant = dict(sources), targets, tolerant
        self._published, self._variants, self._divided = published or {}, variants or {}, divided
        self._notes = tuple(notes)
        self._seen: dict[
            str, tuple[int, list[str]]
        ] = {}  # rows and remarks of splits that were read to the end

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of ``train``, ``val`` and ``test`` that there are."""
        return tuple(split for split in ("train", "val", "test") if split in self._sources)

    def identity(self, split: str) -> str:
        """Names the content of a split: equal for equal files wherever they lie, another for others."""
        facts = [
            READER_VERSION,
            self.spec.name,
            self.spec.kind,
            self.spec.labels,
            sorted(self._targets.classes.items()),
            self._targets.levels,
            split,
            self._source(split).identity(),
        ]
        digest = hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()
        return f"{self.spec.name}-{split}-{digest}"

    def examples(self, split: str) -> Iterator[Example]:
        """The rows of a split, in their order, read as a stream.

        Raises:
            ValueError: If a row is not as expected, naming file, row, what was found and what to do.
        """
        source = self._source(split)
        left_out = _LeftOut(self._tolerant)
        test = split == "test"
        row = 0
        for raw in source.rows(left_out.unreadable):
            if raw.label is not None and self._targets.has_no_gold(raw.label):
                left_out.count("without a gold label", raw.where)
                continue
            if self.spec.kind == "text":
                target: int | float | None = self._text_target(raw, unlabelled=test)
            else:
                target = self._targets.of(raw.label, raw.where, unlabelled=test)
            asked = self._tolerant and target is None  # a submission needs an answer to every row
            if (empty := self._empty(raw)) and not asked:
                left_out.fault(
                    "with an empty text", raw.where, f"{raw.where}: {empty} is empty, expected text."
                )
                continue
            yield Example(raw.texts, target, row, raw.part, raw.references)
            row += 1
        if not row:
            few = " Too few to hold a tenth out: give val." if self._divided else ""
            raise ValueError(f"{self.title} has no rows for {split}.{few}")
        self._seen[split] = row, left_out.remarks()

    def remarks(self, split: str) -> list[str]:
        """What a user should know of the rows read; reads the split if that was not done yet."""
        n_rows, left_out = self._read(split)
        remarks = [f"{split}: {text}" for text in left_out]
        published = self._published.get(split, n_rows)
        whole, counted = n_rows, f"{n_rows:,} rows"
        if self._divided and split != "test":
            whole = self._read("train")[0] + self._read("val")[0]
            counted = f"{n_rows:,} of {whole:,} rows"
            remarks.append(f"{split}: {counted}; {self._divided}")
            published = self._published.get("train", whole)
            if whole == published + self._published.get("val", 0):
                published = whole
        if whole != published:
            variant = self._variants.get(("train" if self._divided and split == "val" else split, whole))
            remarks.append(
                f"{split}: {counted} ({self._source(split).title}), not the published {published:,}"
                + (f": {variant}" if variant else "")
            )
        return remarks + list(self._notes)

    def _read(self, split: str) -> tuple[int, list[str]]:
        """Number of rows and what was left out, of a split that is read to its end if it was not yet."""
        if split not in self._seen:
            for _ in self.examples(split):
                pass
        return self._seen[split]

    def _source(self, split: str) -> Source:
        if split not in self._sources:
            raise ValueError(f"{self.title} has no split {split!r}; it has {', '.join(self.splits)}.")
        return self._sources[split]

    def _empty(self, raw: Raw) -> str:
        """Which of a row's texts is empty though it must not be; "" where none is."""
        if self.spec.kind == "multiple_choice":
            if len(raw.texts) != self.spec.choices + 2:
                raise ValueError(
                    f"{raw.where} has {len(raw.texts) - 2} answers, expected {self.spec.choices} as in every "
                    "row."
                )
            if not raw.texts[0]:
                return "the document"
            return "" if self._tolerant or all(raw.texts[2:]) else f"answer {raw.texts.index('', 2) - 1}"
        if all(raw.texts):
            return ""
        return "the text" if len(raw.texts) == 1 else f"text {raw.texts.index('') + 1}"

    def _text_target(self, raw: Raw, *, unlabelled: bool) -> int | None:
        if raw.references and all(raw.references):
            return 0
        if unlabelled and not raw.references:
            return None
        raise ValueError(f"{raw.where}: the answer is empty, expected text.")


class _LeftOut:
    """Rows that are not given, with the place of the first of each sort."""

    def __init__(self, tolerant: bool) -> None:
        self._tolerant = tolerant
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def count(self, sort: str, where: str) -> None:
        self._counts[sort] += 1
        self._first.setdefault(sort, where)

    def fault(self, sort: str, where: str, message: str) -> None:
        if not self._tolerant:
            raise ValueError(message)
        self.count(sort, where)

    def unreadable(self, where: str, message: str) -> None:
        self.fault("with missing or surplus fields", where, message)

    def remarks(self) -> list[str]:
        return [
            f"{n:,} row{'s' * (n > 1)} {sort} left out, the first at {self._first[sort]}"
            for sort, n in self._counts.items()
        ]


class Held:
    """A part of another source's rows.

    Args:
        source: All rows.
        held: Whether a row is of the held-out part; made anew for every reading.
        of_held: Give the held-out part; else the rest.
        rule: Names the division, for the identity.
    """

    def __init__(
        self,
        source: Source,
        held: Callable[[Source], Callable[[int, Raw], bool]],
        rule: str,
        *,
        of_held: bool,
    ) -> None:
        self._source, self._held, self._rule, self._of_held = source, held, rule, of_held

    @property
    def title(self) -> str:
        """The form of all rows."""
        return self._source.title

    def identity(self) -> object:
        """All rows, the rule and the side."""
        return [self._source.identity(), self._rule, self._of_held]

    def rows(self, fault: Fault) -> Iterator[Raw]:
        """The rows of this side, in the order of all."""
        held = self._held(self._source)
        for index, raw in enumerate(self._source.rows(fault)):
            if held(index, raw) == self._of_held:
                yield raw
