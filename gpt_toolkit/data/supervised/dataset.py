"""Labeled datasets: their examples, read from a source, with labels looked up and bad examples refused.

Training and validation examples of one file are divided by a rule, see :class:`DividedSource`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, NamedTuple, Protocol

import numpy as np

from gpt_toolkit.batches import TaskSpec, TrainedDataset
from gpt_toolkit.data.supervised.label_maps import LabelMap
from gpt_toolkit.records import OnBadRecord, raise_error

READER_VERSION: Final = 2
"""Raised when the same files give other examples than before."""

_STORY_CLOZE_SEED = 3535999445  # released code: datasets.py, seed
_ONE_IN = 10  # tuned here: one example in ten is for validation

TENTH_BY_TEXTS: Final = "tenth by texts"
TENTH_BY_DOCUMENT: Final = "tenth by document"
STORY_CLOZE: Final = f"permutation {_STORY_CLOZE_SEED}"
_TENTH_NOTE: Final = "a tenth of the training file is for validation, chosen by content"
_RULE_NOTES: Final = {
    TENTH_BY_TEXTS: _TENTH_NOTE,
    TENTH_BY_DOCUMENT: _TENTH_NOTE,
    STORY_CLOZE: "the validation file is divided into training and validation as the released code does",
}


class SourceExample(NamedTuple):
    """One example as its source has it.

    Attributes:
        texts: By kind: ``(text,)`` or ``(premise, hypothesis)`` for classification and graded; ``(a, b)`` for
            similarity; ``(document, question or "", *answers)`` for multiple choice; ``(input,)`` for text.
        label: Label as it is in the file; None if the file has none.
        subset: Name of the subset that it belongs to, one of ``TaskSpec.subsets``; "" for none.
        references: Correct answers, for text; the first one is learned.
        where: File and line, for error messages.
    """

    texts: tuple[str, ...]
    label: object = None
    subset: str = ""
    references: tuple[str, ...] = ()
    where: str = ""


class Example(NamedTuple):
    """One example of a dataset, its label looked up.

    Attributes:
        texts: As in :class:`SourceExample`.
        target: Class, choice or grade; None if the example has none, as in test files without labels.
        number: Number of the example in its split, from 0.
        subset: As in :class:`SourceExample`.
        references: As in :class:`SourceExample`.
    """

    texts: tuple[str, ...]
    target: int | float | None
    number: int = 0
    subset: str = ""
    references: tuple[str, ...] = ()


class Source(Protocol):
    """Examples of one split as they are in files, on the hub or in Storyworld."""

    @property
    def title(self) -> str:
        """Form of the examples, for messages."""

    def identity(self) -> object:
        """Return all that decides which examples the source gives, as plain JSON values."""

    def examples(self, on_bad_record: OnBadRecord) -> Iterator[SourceExample]:
        """Read the examples in order; call ``on_bad_record`` for records that cannot be read."""


@dataclass(frozen=True)
class DividedSource:
    """The held-out examples of a source, or the rest.

    Args:
        source: All examples.
        rule: ``TENTH_BY_TEXTS``: a hash of the texts holds out about one example in ten, so the order of a
            file does not matter. ``TENTH_BY_DOCUMENT``: the hash is of the document, or of a question without
            one, so all questions about a document stay together. ``STORY_CLOZE``: the fifth that the released
            code holds out.
        is_held_out: Whether these are the held-out examples.
    """

    source: Source
    rule: str
    is_held_out: bool

    @property
    def title(self) -> str:
        return self.source.title

    def identity(self) -> object:
        return [self.source.identity(), self.rule, self.is_held_out]

    def examples(self, on_bad_record: OnBadRecord) -> Iterator[SourceExample]:
        holds_out = self._predicate()
        for index, example in enumerate(self.source.examples(on_bad_record)):
            if holds_out(index, example) == self.is_held_out:
                yield example

    def _predicate(self) -> Callable[[int, SourceExample], bool]:
        if self.rule == STORY_CLOZE:
            rows = frozenset(story_cloze_rows(sum(1 for _ in self.source.examples(raise_error))))
            return lambda index, _: index in rows
        if self.rule == TENTH_BY_DOCUMENT:
            return lambda _, example: _hash(example.texts[: 1 if example.texts[0] else 2]) % _ONE_IN == 0
        return lambda _, example: _hash(example.texts) % _ONE_IN == 0


def divide(source: Source, rule: str) -> dict[str, Source]:
    """Divide the examples of a source into training and validation; :class:`DividedSource` has the rules."""
    splits = (("train", False), ("val", True))
    return {split: DividedSource(source, rule, is_held_out) for split, is_held_out in splits}


def story_cloze_rows(n: int) -> list[int]:
    """Return the examples of Story Cloze's validation file that GPT-1's released code holds out: a fifth.

    It calls scikit-learn's ``train_test_split`` with a seed. That function takes the first
    examples of ``RandomState(seed).permutation(n)`` for testing; numpy guarantees this stream.
    """
    order = np.random.RandomState(_STORY_CLOZE_SEED).permutation(n)
    return [int(row) for row in order[: round(n / 5)]]


def _hash(texts: tuple[str, ...]) -> int:
    return int.from_bytes(hashlib.blake2b("\x1f".join(texts).encode(), digest_size=8).digest(), "big")


@dataclass
class SupervisedDataset:
    """A labeled dataset. Its examples are read only when they are asked for.

    Args:
        spec: Kind, labels and metrics.
        title: Name and place, for messages.
        sources: Source of each split.
        labels: Targets by label.
        sizes: Published number of examples of each split.
        variants: Descriptions of known copies of other sizes, by split and size.
        facts: Notes on the whole dataset, for :meth:`notes`.
        skips_bad_records: Whether records with missing fields or empty texts are skipped and counted, because
            the published files have some; else they are errors.
        prompt: Text between input and target, for text; None: the default template's.
        files: Checksums of the training files, if it is read from files.
        columns: Columns by the option that names them, if it is read from files.
    """

    spec: TaskSpec
    title: str
    sources: Mapping[str, Source]
    labels: LabelMap
    sizes: Mapping[str, int] = field(default_factory=dict)
    variants: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    facts: Sequence[str] = ()
    skips_bad_records: bool = False
    prompt: str | None = None
    files: Sequence[str] = ()
    columns: Mapping[str, str | list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._seen: dict[str, tuple[int, dict[str, tuple[int, str]]]] = {}  # of splits read to their end

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits that exist, among ``train``, ``val`` and ``test``."""
        return tuple(split for split in ("train", "val", "test") if split in self.sources)

    def record(self, *, is_text: bool, n_ctx: int | None = None) -> TrainedDataset:
        """Return what checkpoints store of the dataset.

        Args:
            is_text: Whether its labels are learned as words.
            n_ctx: Longest sequence, in tokens.
        """
        return TrainedDataset(self.spec, is_text, tuple(self.files), self.columns, n_ctx)

    def of_head(self, trained: TrainedDataset) -> "SupervisedDataset":
        """Return the dataset for a trained model: its labels, by name, mean the outputs of the model.

        Raises:
            ValueError: If the model's outputs are of another kind.
        """
        head = trained.spec
        if self.spec.kind != head.kind:
            raise ValueError(
                f"{self.title}: kind {self.spec.kind}; expected {head.kind}, the kind of the checkpoint's "
                f"{head.name}; give a dataset of that kind"
            )
        ours = self.record(is_text=trained.is_text).n_texts
        if ours and trained.n_texts and ours != trained.n_texts:
            raise ValueError(
                f"{self.title}: {ours} texts in an example; expected {trained.n_texts}, as the checkpoint's "
                f"{head.name} has; name the columns by text, or by text_a and text_b"
            )
        positive = self.spec.positive or head.positive
        names = head.labels if head.kind != "multiple_choice" else self.spec.labels
        spec = replace(self.spec, labels=names, levels=head.levels, positive=positive, head=head.name)
        facts = list(self.facts)
        if spec.name != head.name:
            facts.append(f"{spec.name}: scored by the head of {head.name}, the only one of the checkpoint")
        labels = self.labels
        if head.kind not in ("multiple_choice", "text"):  # the outputs of choices are scores of their texts
            labels = labels.of_head(self.spec.labels, head)
        return replace(self, spec=spec, labels=labels, facts=facts)

    def identity(self, split: str) -> str:
        """Return a name of the content of a split: equal for equal examples, wherever the files are."""
        facts = [
            *(READER_VERSION, self.spec.name, self.spec.kind, self.spec.labels, self.spec.levels),
            *(sorted(self.labels.classes.items()), self.labels.levels),
            *(split, self._source(split).identity()),
        ]
        digest = hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()
        return f"{self.spec.name}-{split}-{digest}"

    def examples(self, split: str) -> Iterator[Example]:
        """Read the examples of a split in order, as a stream.

        Raises:
            ValueError: If an example is bad; names file, line, the problem and what to do.
        """
        skipped: dict[str, tuple[int, str]] = {}  # number and place of the first, by reason

        def skip(reason: str, where: str, message: str = "") -> None:
            if message and not self.skips_bad_records:
                raise ValueError(message)
            n, first = skipped.get(reason, (0, where))
            skipped[reason] = n + 1, first

        is_test = split == "test"
        number = 0
        for example in self._source(split).examples(partial(skip, "with missing or surplus fields")):
            if self.labels.has_no_gold(example.label):
                skip("without a gold label", example.where)
                continue
            target: float | None
            if self.spec.kind == "text":
                target = self._text_target(example, is_test=is_test)
            else:
                target = self.labels.target(example.label, example.where, may_be_missing=is_test)
            must_stay = self.skips_bad_records and target is None  # a submission answers every example
            if (empty := self._empty_text(example)) and not must_stay:
                skip("with an empty text", example.where, f"{example.where}: {empty} is empty; expected text")
                continue
            yield Example(example.texts, target, number, example.subset, example.references)
            number += 1
        if not number:
            too_few = ", too few to hold out a tenth; give val" if self._split_note else ""
            raise ValueError(f"{self.title}: no examples for {split}; expected at least one{too_few}")
        self._seen[split] = number, skipped

    def skipped(self, split: str) -> dict[str, int]:
        """Return the number of records of a split that are not among its examples, by reason."""
        return {reason: n for reason, (n, _) in self._read(split)[1].items()}

    def notes(self, split: str) -> list[str]:
        """Return notes on a split for the user; reads the split if that has not happened yet."""
        n_examples, skipped = self._read(split)
        notes = [
            f"{split}: skipped {n:,} record{'s' * (n > 1)} {reason}, the first at {first}"
            for reason, (n, first) in skipped.items()
        ]
        published, total, size = self.sizes.get(split, n_examples), n_examples, f"{n_examples:,} examples"
        is_divided = bool(self._split_note) and split != "test"
        if is_divided:
            total = self._read("train")[0] + self._read("val")[0]
            size = f"{n_examples:,} of {total:,} examples"
            notes.append(f"{split}: {size}; {self._split_note}")
            published = self.sizes.get("train", total)
            if total == published + self.sizes.get("val", 0):
                published = total
        if total != published:
            variant = self.variants.get("train" if is_divided else split, {}).get(total)
            note = f"{split}: {size} ({self._source(split).title}), not the published {published:,}"
            notes.append(f"{note}: {variant}" if variant else note)
        return [*notes, *self.facts]

    @property
    def _split_note(self) -> str:
        """Note on the division of one file into training and validation; "" if it is not divided."""
        val = self.sources.get("val")
        return _RULE_NOTES[val.rule] if isinstance(val, DividedSource) else ""

    def _read(self, split: str) -> tuple[int, dict[str, tuple[int, str]]]:
        """Return the size of a split, and number and first place of skipped records by reason.

        The split is read to its end the first time.
        """
        if split not in self._seen:
            for _ in self.examples(split):
                pass
        return self._seen[split]

    def label_place(self, split: str) -> str:
        """Return where the labels of a split are looked for, for messages."""
        if self.labels.not_public:
            return "labels, which are not public for this test split"
        return str(getattr(self.sources.get(split), "label_place", "labels"))

    def _source(self, split: str) -> Source:
        if split not in self.sources:
            raise ValueError(f"{self.title}: no split {split!r}; expected one of {', '.join(self.splits)}")
        return self.sources[split]

    def _empty_text(self, example: SourceExample) -> str:
        """Name the text of an example that is empty and must not be; "" if none is."""
        texts = example.texts
        if self.spec.kind == "multiple_choice":
            if len(texts) != self.spec.choices + 2:
                raise ValueError(
                    f"{example.where}: {len(texts) - 2} answers; expected {self.spec.choices}, as in every "
                    "example"
                )
            if not texts[0] and not texts[1]:  # a question without a document is complete
                return "the document"
            return "" if self.skips_bad_records or all(texts[2:]) else f"answer {texts.index('', 2) - 1}"
        if all(texts):
            return ""
        return "the text" if len(texts) == 1 else f"text {texts.index('') + 1}"

    @staticmethod
    def _text_target(example: SourceExample, *, is_test: bool) -> int | None:
        if example.references and all(example.references):
            return 0
        if is_test and not example.references:
            return None
        raise ValueError(f"{example.where}: the answer is empty; expected text")
