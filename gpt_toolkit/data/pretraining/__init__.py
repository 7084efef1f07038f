"""Text to windows of token ids: corpora, text files, token shards, windows (GPT-1 §4.1, GPT-2 §2.1)."""
