"""Batch -> hidden states: the one decoder that both papers' models are."""

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.backbone.decoder import Decoder
from gpt_toolkit.backbone.kv_cache import KeyValueCache
from gpt_toolkit.backbone.presets import PRESETS, decoder_fields, preset

__all__ = ["PRESETS", "Decoder", "DecoderConfig", "KeyValueCache", "decoder_fields", "preset"]
