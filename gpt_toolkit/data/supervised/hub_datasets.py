"""Known datasets on the Hugging Face hub, read with ``datasets``; code of a dataset is never run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gpt_toolkit.data.supervised.dataset import Example, Source, SupervisedDataset
from gpt_toolkit.data.supervised.gpt1_datasets import HubPlace, KnownDataset
from gpt_toolkit.data.supervised.record_schema import matching_schema
from gpt_toolkit.records import OnBadRecord, Record


@dataclass(frozen=True)
class HubSource:
    """Examples of one split on the hub.

    Args:
        known: The dataset.
        place: Its place on the hub.
        splits: Splits there that form this one; the subset of all examples of a split follows a colon.
    """

    known: KnownDataset
    place: HubPlace
    splits: tuple[str, ...]

    @property
    def title(self) -> str:
        """Place on the hub."""
        return f"the hub's {self.place.path}"

    def identity(self) -> object:
        """Return name, configuration and revision of the dataset."""
        import datasets

        with self._explain_errors():
            builder = datasets.load_dataset_builder(self.place.path, self.place.config or None)
        version = str(builder.config.version)
        return [self.place.path, builder.config.name, version, builder.hash, *self.splits]

    def examples(self, on_bad_record: OnBadRecord) -> Iterator[Example]:
        """Read all examples, split by split; downloads the dataset the first time.

        Raises:
            ValueError: If it cannot be downloaded, or its columns or labels are not the published ones.
        """
        import datasets

        path, known = self.place.path, self.known
        for split in self.splits:
            name, _, part = split.partition(":")
            with self._explain_errors():
                table = datasets.load_dataset(path, self.place.config or None, split=name)
            columns = table.column_names
            number = matching_schema(known.schemas, columns, known.labels.is_label, delimited=False)
            if number is None:
                expected = "; ".join(schema.described() for schema in known.schemas)
                raise ValueError(
                    f"{path} on the hub has the columns {', '.join(columns)}, expected {expected}. "
                    f"It may have changed: place {known.files} in a folder and set root"
                )
            schema = known.schemas[number]
            label_names = getattr(table.features.get(schema.last_column), "names", None)
            for row, fields in enumerate(table, start=1):
                named = _with_label_name(fields, schema.last_column, label_names)
                for example in schema.examples(Record(named, f"{path}, {name} row {row}")):
                    yield example if example.part or not part else example._replace(part=part)

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # the library raises more than twenty kinds if it finds nothing
            name, reason = self.known.spec.name, " ".join(str(error).split()).rstrip(".")
            raise ValueError(
                f"{name}: {self.place.path} could not be loaded from the hub "
                f"({type(error).__name__}: {reason}). It needs a network the first time; without one, "
                f"place {self.known.files} in ROOT/{name} and set root to ROOT"
            ) from error


def open_hub(known: KnownDataset) -> SupervisedDataset:
    """Open a known dataset on the hub; nothing is downloaded before examples are read.

    Raises:
        FileNotFoundError: If it cannot be downloaded.
    """
    name, place = known.spec.name, known.hub
    if place is None:
        raise FileNotFoundError(
            f"{name} cannot be downloaded. Place {known.files} in ROOT/{name} and set root to ROOT"
        )
    sources: dict[str, Source] = {
        split: HubSource(known, place, splits) for split, splits in place.splits.items()
    }
    return known.dataset(f"{name} from the hub ({place.path})", sources)


def _with_label_name(fields: dict[str, Any], label: str, names: list[str] | None) -> dict[str, Any]:
    """Replace the number of a label by its name, because the hub may order classes differently."""
    value = fields.get(label)
    if names is None or not isinstance(value, int) or value < 0:
        return fields
    return {**fields, label: names[value]}
