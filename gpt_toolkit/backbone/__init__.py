"""Token ids -> hidden states -> logits: one decoder for the models of both papers."""

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.backbone.decoder import Decoder
from gpt_toolkit.backbone.kv_cache import KeyValueCache
from gpt_toolkit.backbone.presets import PRESETS, decoder_fields, preset

__all__ = ["PRESETS", "Decoder", "DecoderConfig", "KeyValueCache", "decoder_fields", "preset"]
