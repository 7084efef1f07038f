"""Known sets from the Hugging Face hub, through ``datasets``; no code of a data set is ever run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gpt_toolkit.data.supervised.dataset import RowSet, Source
from gpt_toolkit.data.supervised.gpt1_datasets import Hub, KnownSet
from gpt_toolkit.data.supervised.record_readers import Fault, Head
from gpt_toolkit.data.supervised.schemas import Raw, recognized


@dataclass(frozen=True)
class HubRows:
    """Rows of splits of a data set of the hub.

    Args:
        known: The set.
        hub: Where it lies.
        splits: Its own splits; what stands after a colon is the part that all rows of it are of.
    """

    known: KnownSet
    hub: Hub
    splits: tuple[str, ...]

    @property
    def title(self) -> str:
        """Where it lies."""
        return f"the hub's {self.hub.path}"

    def identity(self) -> object:
        """Name, configuration and revision of the data set."""
        import datasets

        with self._loading():
            builder = datasets.load_dataset_builder(self.hub.path, self.hub.config or None)
        return [self.hub.path, builder.config.name, str(builder.config.version), builder.hash, *self.splits]

    def rows(self, fault: Fault) -> Iterator[Raw]:
        """All rows, split by split; downloads the data set where that was not done yet.

        Raises:
            ValueError: If it cannot be had, or its columns or labels are not the published ones.
        """
        import datasets

        for name in self.splits:
            own, _, part = name.partition(":")
            with self._loading():
                table = datasets.load_dataset(self.hub.path, self.hub.config or None, split=own)
            head = Head("parquet", tuple(table.column_names))
            number = recognized(self.known.forms, head, self.known.targets.known)
            if number is None:
                raise ValueError(
                    f"{self.hub.path} on the hub has the columns {', '.join(head.names)}, expected "
                    f"{'; '.join(form.described() for form in self.known.forms)}. It may have changed: place "
                    f"{self.known.files} in a folder and set root."
                )
            form = self.known.forms[number]
            names = getattr(table.features.get(form.label), "names", None)
            for row, record in enumerate(table, start=1):
                fields = _named(record, form.label, names)
                for raw in form.make(fields, f"{self.hub.path}, {own} row {row}"):
                    yield raw if raw.part or not part else raw._replace(part=part)

    @contextmanager
    def _loading(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # the library raises more than twenty kinds for one cause: nothing there
            reason = " ".join(str(error).split()).rstrip(".")
            raise ValueError(
                f"{self.known.spec.name}: {self.hub.path} could not be loaded from the hub "
                f"({type(error).__name__}: "
                f"{reason}). It needs a network the first time; without one, place {self.known.files} in "
                f"ROOT/{self.known.spec.name} and set root to ROOT."
            ) from error


def open_hub(known: KnownSet) -> RowSet:
    """A known set from the hub; nothing is downloaded before rows are asked for.

    Raises:
        FileNotFoundError: If the hub does not have it.
    """
    name, hub = known.spec.name, known.hub
    if hub is None:
        raise FileNotFoundError(
            f"{name} cannot be downloaded. Place {known.files} in ROOT/{name} and set root to ROOT."
        )
    sources: dict[str, Source] = {split: HubRows(known, hub, own) for split, own in hub.splits.items()}
    return RowSet(
        known.spec,
        f"{name} from the hub ({hub.path})",
        sources,
        known.targets,
        published=known.published,
        variants=known.variants,
        tolerant=known.tolerant,
    )


def _named(record: Mapping[str, Any], label: str, names: list[str] | None) -> Mapping[str, Any]:
    """A record with its label's name in place of its number: the hub's order of classes does not matter."""
    value = record.get(label)
    if names is None or not isinstance(value, int) or value < 0:
        return record
    return {**record, label: names[value]}
