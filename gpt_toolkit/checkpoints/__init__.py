"""Weights on disk <-> a decoder's tensors, one module a layout."""

from gpt_toolkit.checkpoints.folder_writer import write_model_folder
from gpt_toolkit.checkpoints.hugging_face import (
    config_from_hugging_face,
    from_hugging_face,
    hugging_face_config,
    to_hugging_face,
)
from gpt_toolkit.checkpoints.lazy_tensor import StoredModel, StoredTensor
from gpt_toolkit.checkpoints.model_folder import build_decoder, read_model_folder
from gpt_toolkit.checkpoints.model_sources import (
    SavedModel,
    open_model,
    read_checkpoint,
    read_model,
    read_stored,
)

__all__ = [
    "SavedModel",
    "StoredModel",
    "StoredTensor",
    "build_decoder",
    "config_from_hugging_face",
    "from_hugging_face",
    "hugging_face_config",
    "open_model",
    "read_checkpoint",
    "read_model",
    "read_model_folder",
    "read_stored",
    "to_hugging_face",
    "write_model_folder",
]
