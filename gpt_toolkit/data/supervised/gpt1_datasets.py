"""The catalog of known datasets (``gpt1_datasets.yaml``): GPT-1's Table 1, and three whose answer is text.

On the Hugging Face hub they are read with ``datasets``; code of a dataset is never run.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.data.supervised.dataset import Source, SourceExample, SupervisedDataset
from gpt_toolkit.data.supervised.label_maps import LabelMap, spec_labels
from gpt_toolkit.data.supervised.record_schema import RecordSchema
from gpt_toolkit.records import OnBadRecord, Record
from gpt_toolkit.yaml_files import read_yaml

_CATALOG: Final = Path(__file__).with_name("gpt1_datasets.yaml")
_HUB_SPLITS: Final = {"train": ("train",), "val": ("validation",), "test": ("test",)}


@dataclass(frozen=True)
class HubPlace:
    """Place of a dataset on the Hugging Face hub.

    Args:
        path: Its name.
        config: Its configuration; "" if it has only one.
        splits: Its splits by ours; the subset of all examples of a split follows a colon.
    """

    path: str
    config: str
    splits: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class KnownDataset:
    """A published dataset. The head of ``gpt1_datasets.yaml`` explains the fields.

    Args:
        spec: Kind, labels in published order, and metrics of GPT-1's tables.
        labels: Targets by label.
        hub: Place on the hub; None if it cannot be downloaded.
    """

    spec: TaskSpec
    labels: LabelMap
    schemas: tuple[RecordSchema, ...]
    sizes: Mapping[str, int]
    variants: Mapping[str, Mapping[int, str]]
    files: str
    hub: HubPlace | None
    folders: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()
    join: tuple[str, ...] = ()
    file_subsets: tuple[str, ...] = ()
    skips_bad_records: bool = False
    passage_folders: bool = False
    line_pairs: tuple[str, ...] = ()
    train_from_val: bool = False

    @property
    def expected_columns(self) -> str:
        """Columns of all schemas, for messages."""
        return "; ".join(schema.described() for schema in self.schemas)

    def matching_schema(self, names: Sequence[str], *, delimited: bool) -> int | None:
        """Return the index of the first schema that a file matches; one with a label column comes first."""
        indices = range(len(self.schemas))
        is_label = self.labels.is_label
        fitting = [i for i in indices if self.schemas[i].matches(names, is_label, delimited=delimited)]
        labeled = [i for i in fitting if self.schemas[i].columns or self.schemas[i].last_column in names]
        return next(iter(labeled + fitting), None)

    def dataset(self, title: str, sources: Mapping[str, Source]) -> SupervisedDataset:
        """Create the dataset that reads these sources."""
        return SupervisedDataset(
            self.spec,
            title,
            sources,
            self.labels,
            sizes=self.sizes,
            variants=self.variants,
            skips_bad_records=self.skips_bad_records,
        )


@cache
def known_datasets() -> Mapping[str, KnownDataset]:
    """Read the catalog: all known datasets by name."""
    catalog: dict[str, dict[str, Any]] = read_yaml(_CATALOG)
    return {name: _known(name, _with_tuples(entry)) for name, entry in catalog.items()}


def _known(name: str, entry: dict[str, Any]) -> KnownDataset:
    spec = TaskSpec(
        name,
        entry.pop("kind"),
        entry.pop("labels", ()),
        entry.pop("choices", 1),
        entry.pop("metrics"),
        entry.pop("subsets", ()),
        entry.pop("max_new_tokens", 0),
        entry.pop("positive", ""),
    )
    labels = replace(
        spec_labels(spec, entry.pop("also", {}), entry.pop("first_choice", 0)),
        no_gold=frozenset(entry.pop("no_gold", ())),
        not_public=frozenset(entry.pop("not_public", ())),
    )
    schemas = tuple(RecordSchema(**schema) for schema in entry.pop("schemas", ()))
    place = entry.pop("hub", None)
    hub = place and HubPlace(place["path"], place.get("config", ""), place.get("splits", _HUB_SPLITS))
    sizes, variants = entry.pop("sizes", {}), entry.pop("variants", {})
    return KnownDataset(spec, labels, schemas, sizes, variants, hub=hub, **entry)


def _with_tuples(value: Any) -> Any:
    """Return a YAML value with its lists as tuples, as frozen dataclasses hold them."""
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value


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
        return f"the hub's {self.place.path}"

    def identity(self) -> object:
        import datasets

        with self._explain_errors():
            builder = datasets.load_dataset_builder(self.place.path, self.place.config or None)
        version = str(builder.config.version)
        return [self.place.path, builder.config.name, version, builder.hash, *self.splits]

    def examples(self, on_bad_record: OnBadRecord) -> Iterator[SourceExample]:
        """Read all examples, split by split; download the dataset the first time."""
        import datasets

        path, known = self.place.path, self.known
        for split in self.splits:
            name, _, subset = split.partition(":")
            with self._explain_errors():
                table = datasets.load_dataset(path, self.place.config or None, split=name)
            columns = table.column_names
            number = known.matching_schema(columns, delimited=False)
            if number is None:
                raise ValueError(
                    f"{path} on the hub: columns {', '.join(columns)}; expected {known.expected_columns}; if "
                    f"it has changed, place {known.files} in a folder and set root"
                )
            schema = known.schemas[number]
            label_names = getattr(table.features.get(schema.last_column), "names", None)
            for row, fields in enumerate(table, start=1):
                named = _with_label_name(fields, schema.last_column, label_names)
                for example in schema.examples(Record(named, f"{path}, {name} row {row}")):
                    yield example if example.subset or not subset else example._replace(subset=subset)

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # the library raises more than twenty kinds if it finds nothing
            name, reason = self.known.spec.name, " ".join(str(error).split()).rstrip(".")
            raise ValueError(
                f"{name}: {self.place.path} not loaded from the hub ({type(error).__name__}: {reason}); "
                f"expected a network the first time; without one, place {self.known.files} in ROOT/{name} "
                "and set root to ROOT"
            ) from error


def open_hub(known: KnownDataset) -> SupervisedDataset:
    """Open a known dataset on the hub; nothing is downloaded before examples are read.

    Raises:
        FileNotFoundError: If it cannot be downloaded.
    """
    name, place = known.spec.name, known.hub
    if place is None:
        raise FileNotFoundError(
            f"{name}: not on the hub; expected files; place {known.files} in ROOT/{name} and set root to ROOT"
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
