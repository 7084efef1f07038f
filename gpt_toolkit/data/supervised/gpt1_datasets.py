"""The catalog of known datasets (``gpt1_datasets.yaml``): GPT-1's Table 1, and three whose answer is text."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.data.supervised.dataset import Source, SupervisedDataset
from gpt_toolkit.data.supervised.label_maps import LabelMap, choice_labels, class_labels, grade_labels
from gpt_toolkit.data.supervised.record_schema import Schema

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
    """A published dataset. The catalog explains the fields.

    Args:
        spec: Kind, labels in published order, and metrics of GPT-1's tables.
        labels: Targets by label.
        schemas: Schemas of its files, the preferred one first.
        sizes: Published number of examples of each split.
        variants: Descriptions of copies of other sizes, by split and size.
        files: Files to place in the folder, for messages.
        hub: Place on the hub; None if it cannot be downloaded.
        folders: Names of its folder.
        prefer: Pieces of file names, the preferred one first.
        join: Pieces of the names of files that are one split together.
        file_parts: Subsets that file names tell.
        skips_bad_records: Whether bad records are skipped and counted.
        passage_folders: Whether it has folders with one passage a file.
        line_pairs: Endings of two files that are aligned line by line.
        train_from_val: Whether training examples may come from the validation file.
    """

    spec: TaskSpec
    labels: LabelMap
    schemas: tuple[Schema, ...]
    sizes: Mapping[str, int]
    variants: Mapping[str, Mapping[int, str]]
    files: str
    hub: HubPlace | None
    folders: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()
    join: tuple[str, ...] = ()
    file_parts: tuple[str, ...] = ()
    skips_bad_records: bool = False
    passage_folders: bool = False
    line_pairs: tuple[str, ...] = ()
    train_from_val: bool = False

    def dataset(self, title: str, sources: Mapping[str, Source], split_rule: str = "") -> SupervisedDataset:
        """Create the dataset that reads these sources."""
        return SupervisedDataset(
            self.spec,
            title,
            sources,
            self.labels,
            sizes=self.sizes,
            variants=self.variants,
            split_rule=split_rule,
            skips_bad_records=self.skips_bad_records,
        )


@cache
def known_datasets() -> Mapping[str, KnownDataset]:
    """Read the catalog: all known datasets by name."""
    catalog: dict[str, dict[str, Any]] = yaml.safe_load(_CATALOG.read_text(encoding="utf-8"))
    return {name: _known(name, _with_tuples(entry)) for name, entry in catalog.items()}


def _known(name: str, entry: dict[str, Any]) -> KnownDataset:
    spec = TaskSpec(
        name,
        entry.pop("kind"),
        entry.pop("labels", ()),
        entry.pop("choices", 1),
        entry.pop("metrics"),
        entry.pop("parts", ()),
        entry.pop("max_new_tokens", 0),
    )
    labels = _labels(spec, entry.pop("also", {}), entry.pop("no_gold", ()), entry.pop("first_choice", 0))
    schemas = tuple(Schema(**schema) for schema in entry.pop("schemas", ()))
    place = entry.pop("hub", None)
    hub = place and HubPlace(place["path"], place.get("config", ""), place.get("splits", _HUB_SPLITS))
    return KnownDataset(spec, labels, schemas, variants=entry.pop("variants", {}), hub=hub, **entry)


def _labels(spec: TaskSpec, also: Mapping[str, int], no_gold: tuple[str, ...], first: int) -> LabelMap:
    if spec.kind == "multiple_choice":
        return choice_labels(spec.choices, first)
    if spec.kind == "graded":
        return grade_labels(float(spec.labels[0]), float(spec.labels[-1]))
    return class_labels(spec.labels, also, frozenset(no_gold))


def _with_tuples(value: Any) -> Any:
    """Return a YAML value with its lists as tuples, as frozen dataclasses hold them."""
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value
