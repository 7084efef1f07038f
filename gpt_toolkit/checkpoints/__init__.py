"""Model files and a decoder's tensors: one module a layout; nothing in a file is run."""

from gpt_toolkit.checkpoints.hf_config import config_from_hugging_face, hugging_face_config
from gpt_toolkit.checkpoints.hf_folder import write_model_folder
from gpt_toolkit.checkpoints.hf_tensors import from_hugging_face, to_hugging_face
from gpt_toolkit.checkpoints.model_sources import open_model
from gpt_toolkit.checkpoints.stored_model import LazyTensor, StoredModel, build_decoder

__all__ = [
    "LazyTensor",
    "StoredModel",
    "build_decoder",
    "config_from_hugging_face",
    "from_hugging_face",
    "hugging_face_config",
    "open_model",
    "to_hugging_face",
    "write_model_folder",
]
