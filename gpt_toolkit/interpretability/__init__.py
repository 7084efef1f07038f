"""Interpretability: logit lens, head roles, patching, and an HTML page of them."""
