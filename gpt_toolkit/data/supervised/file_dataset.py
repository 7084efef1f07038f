"""Rows out of files: of tables in one form, and of two texts that are aligned line by line."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gpt_toolkit.data.pretraining.text_files import FileMemo
from gpt_toolkit.data.supervised.record_readers import Fault, Head, lines, read_table
from gpt_toolkit.data.supervised.schemas import Form, Raw
from gpt_toolkit.io import cache_folder

_MANY: Final = 64  # files; from here on, remembering a checksum costs more than reading the file


@dataclass(frozen=True)
class FileRows:
    """Rows of files of one form.

    Args:
        files: The files, each with the part that its rows are of.
        form: Their form.
        head: How they are to be read.
    """

    files: tuple[tuple[Path, str], ...]
    form: Form
    head: Head

    @property
    def title(self) -> str:
        """Their form."""
        return self.form.title

    def identity(self) -> object:
        """Contents of the files, and how they are read."""
        form, parts = self.form, [part for _, part in self.files]
        reading = [form.needs, form.label, form.columns, form.extra, self.head.layout, self.head.delimiter]
        return [reading, checksums([path for path, _ in self.files]), parts]

    def rows(self, fault: Fault) -> Iterator[Raw]:
        """All rows, file by file."""
        for path, part in self.files:
            for record in read_table(path, self.head, self.form.columns, self.form.extra, fault):
                for raw in self.form.make(record.fields, f"{path}, {self.head.unit} {record.line}"):
                    yield raw if raw.part or not part else raw._replace(part=part)


def checksums(paths: Sequence[Path]) -> list[str]:
    """Checksums of files: each by itself and remembered, or one of all where there are many."""
    if len(paths) < _MANY:
        memo = FileMemo(cache_folder() / "files")
        return [memo.checksum(path) for path in paths]
    checksum = hashlib.blake2b(digest_size=16)
    for path in paths:
        checksum.update(hashlib.blake2b(path.read_bytes(), digest_size=16).digest())
    return [checksum.hexdigest()]


@dataclass(frozen=True)
class LinePairs:
    """Two files of which each line of one answers that of the other.

    Args:
        inputs: The file of inputs.
        targets: The file of answers.
    """

    inputs: Path
    targets: Path

    @property
    def title(self) -> str:
        """Its form."""
        return "two files, line by line"

    def identity(self) -> object:
        """Contents of both."""
        return checksums([self.inputs, self.targets])

    def rows(self, fault: Fault) -> Iterator[Raw]:
        """Both files line by line.

        Raises:
            ValueError: If one is longer than the other.
        """
        ends = lines(self.inputs), lines(self.targets)
        number = 0
        while True:
            source, target = (next(end, None) for end in ends)
            if source is None and target is None:
                return
            number += 1
            if source is None or target is None:
                shorter, longer = (
                    (self.inputs, self.targets) if source is None else (self.targets, self.inputs)
                )
                raise ValueError(
                    f"{shorter} ends after line {number - 1}, but {longer} goes on: the lines of both must "
                    "belong "
                    "together, one to one."
                )
            yield Raw(
                (source[1].strip(),), None, f"{self.inputs}, line {number}", references=(target[1].strip(),)
            )
