"""Examples in files: files of records of one schema, and two texts that are aligned line by line."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gpt_toolkit.data.pretraining.text_files import FileMemo
from gpt_toolkit.data.supervised.dataset import Example
from gpt_toolkit.data.supervised.record_schema import Schema
from gpt_toolkit.io import cache_folder
from gpt_toolkit.records import OnBadRecord, RecordFile, read_lines

_MANY_FILES: Final = 64  # from here on, caching a checksum costs more than reading the file


@dataclass(frozen=True)
class FileSource:
    """Examples of files of one schema.

    Args:
        files: The files, each with the subset of its examples.
        schema: Their schema.
    """

    files: tuple[tuple[RecordFile, str], ...]
    schema: Schema

    @property
    def title(self) -> str:
        """Name of the schema."""
        return self.schema.title

    def identity(self) -> object:
        """Return the contents of the files, and how they are read."""
        first = self.files[0][0]
        reading = [*self.schema.identity(), first.format, first.delimiter]
        return [reading, checksums([file.path for file, _ in self.files]), [part for _, part in self.files]]

    def examples(self, on_bad_record: OnBadRecord) -> Iterator[Example]:
        """Read all examples, file by file."""
        for file, part in self.files:
            for record in file.records(self.schema.columns, self.schema.extra, on_bad_record):
                for example in self.schema.examples(record):
                    yield example if example.part or not part else example._replace(part=part)


@dataclass(frozen=True)
class LinePairSource:
    """Examples of two files: each line of one is the input, the same line of the other the answer.

    Args:
        inputs: File of the inputs.
        targets: File of the answers.
    """

    inputs: Path
    targets: Path
    title = "two files, line by line"

    def identity(self) -> object:
        """Return the contents of both files."""
        return checksums([self.inputs, self.targets])

    def examples(self, on_bad_record: OnBadRecord) -> Iterator[Example]:
        """Read both files line by line.

        Raises:
            ValueError: If one file is longer than the other.
        """
        inputs, targets = read_lines(self.inputs), read_lines(self.targets)
        number = 0
        while True:
            source, target = next(inputs, None), next(targets, None)
            if source is None and target is None:
                return
            number += 1
            if source is None or target is None:
                files = (self.inputs, self.targets) if source is None else (self.targets, self.inputs)
                raise ValueError(
                    f"{files[0]} ends after line {number - 1}, but {files[1]} continues: expected two files "
                    "of equally many lines"
                )
            where = f"{self.inputs}, line {number}"
            yield Example((source[1].strip(),), None, references=(target[1].strip(),), where=where)


def checksums(paths: Sequence[Path]) -> list[str]:
    """Return the checksum of each file, from a cache; of many files, one checksum of all."""
    if len(paths) < _MANY_FILES:
        memo = FileMemo(cache_folder() / "files")
        return [memo.checksum(path) for path in paths]
    checksum = hashlib.blake2b(digest_size=16)
    for path in paths:
        checksum.update(hashlib.blake2b(path.read_bytes(), digest_size=16).digest())
    return [checksum.hexdigest()]
