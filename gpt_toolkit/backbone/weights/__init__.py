"""Weights on disk <-> a decoder's tensors, one module a layout."""

from gpt_toolkit.backbone.weights.folder import build_decoder, read_model_folder
from gpt_toolkit.backbone.weights.hugging_face import (
    config_from_hugging_face,
    from_hugging_face,
    hugging_face_config,
    to_hugging_face,
)
from gpt_toolkit.backbone.weights.source import (
    SavedModel,
    open_model,
    read_checkpoint,
    read_model,
    read_stored,
)
from gpt_toolkit.backbone.weights.stored import StoredModel, StoredTensor
from gpt_toolkit.backbone.weights.writing import write_model_folder

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
