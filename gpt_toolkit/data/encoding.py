"""Encoding of text on many workers: results in reading order, ids of the smallest type."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from gpt_toolkit.hardware import usable_cores

Item = TypeVar("Item")
Handle = TypeVar("Handle")
Result = TypeVar("Result")


def token_dtype(vocab_size: int) -> np.dtype[Any]:
    """Return the type of token ids on disk: two bytes if the vocabulary fits, else four."""
    return np.dtype("<u2") if vocab_size <= 1 << 16 else np.dtype("<u4")


def map_on_threads(
    encode: Callable[[Item], Result], items: Iterable[Item], n_threads: int | None = None
) -> Generator[Result, None, None]:
    """Yield ``encode(item)`` for each item, in order, on threads; by default one a core.

    Tokenizers release the interpreter's lock. Items are read only as far ahead as keeps the threads busy.
    Closing the generator ends the work.
    """
    n_threads = n_threads or usable_cores()
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="encode")

    def submit(item: Item) -> Future[Result]:
        return pool.submit(encode, item)

    try:
        for future in in_order(items, submit, lambda: n_threads):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def in_order(
    items: Iterable[Item], submit: Callable[[Item], Handle], n_workers: Callable[[], int]
) -> Iterator[Handle]:
    """Submit items some way ahead, and yield their handles in order; the number of workers may change."""
    ahead: deque[Handle] = deque()
    for item in items:
        ahead.append(submit(item))
        if len(ahead) > 2 * n_workers():  # enough that no worker waits; more would only fill memory
            yield ahead.popleft()
    while ahead:
        yield ahead.popleft()
