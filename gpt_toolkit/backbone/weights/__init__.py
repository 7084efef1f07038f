"""Weights on disk <-> a decoder's tensors, one module a layout."""

from gpt_toolkit.backbone.weights.folder import build_decoder, read_model_folder, write_model_folder
from gpt_toolkit.backbone.weights.hugging_face import (
    config_from_hugging_face,
    from_hugging_face,
    hugging_face_config,
    to_hugging_face,
)
from gpt_toolkit.backbone.weights.source import SavedModel, read_checkpoint, read_model

__all__ = [
    "SavedModel",
    "build_decoder",
    "config_from_hugging_face",
    "from_hugging_face",
    "hugging_face_config",
    "read_checkpoint",
    "read_model",
    "read_model_folder",
    "to_hugging_face",
    "write_model_folder",
]
