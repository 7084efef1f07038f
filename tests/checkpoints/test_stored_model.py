import pytest
import torch

from gpt_toolkit.checkpoints import LazyTensor

VALUES = torch.arange(35.0).view(7, 5)


def on_disk(values: torch.Tensor) -> LazyTensor:
    return LazyTensor(lambda: values, tuple(values.shape), values.dtype)


def test_a_tensor_is_read_transposed_and_cast_into_memory_of_its_own() -> None:
    stored = on_disk(VALUES)
    assert torch.equal(stored.read(), VALUES)
    assert stored.read().data_ptr() != VALUES.data_ptr()
    turned = stored.t().to(torch.bfloat16)
    assert (turned.shape, turned.dtype, turned.n_bytes) == ((5, 7), torch.bfloat16, 70)
    assert turned.read().is_contiguous()
    assert torch.equal(turned.read(), VALUES.t().bfloat16())
    assert torch.equal(turned.t().read(), VALUES.bfloat16())


def test_a_tensor_in_memory_is_not_copied() -> None:
    assert LazyTensor.of(VALUES).read().data_ptr() == VALUES.data_ptr()
    assert LazyTensor.of(VALUES).t().read().data_ptr() == VALUES.data_ptr()


@pytest.mark.parametrize("other", [VALUES + torch.eye(7, 5), VALUES[:6], VALUES.double()])
def test_tensors_are_equal_if_shape_dtype_and_values_are(other: torch.Tensor) -> None:
    assert on_disk(VALUES).t().equals(LazyTensor.of(VALUES.t().contiguous()))
    assert not on_disk(VALUES).equals(on_disk(other))
