import pytest

from gpt_toolkit.data.encoding import in_order, map_on_threads, token_dtype


def test_items_come_back_in_order_and_are_not_submitted_far_ahead() -> None:
    submitted: list[int] = []

    def submit(item: int) -> int:
        submitted.append(item)
        return item

    for n_received, item in enumerate(in_order(range(50), submit, lambda: 3)):
        assert n_received == item
        assert len(submitted) <= n_received + 7
    assert submitted == list(range(50))


def test_results_of_threads_come_back_in_order() -> None:
    assert list(map_on_threads(lambda n: n * n, range(200), 3)) == [n * n for n in range(200)]


def test_an_error_of_a_thread_is_raised_in_its_place() -> None:
    results = map_on_threads(lambda n: 1 // (5 - n), range(50), 2)
    assert [next(results) for _ in range(5)] == [1 // (5 - n) for n in range(5)]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_ids_take_two_bytes_if_the_vocabulary_fits() -> None:
    assert token_dtype(65_536).itemsize == 2
    assert token_dtype(65_537).itemsize == 4
