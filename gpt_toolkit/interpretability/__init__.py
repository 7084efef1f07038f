"""What a model computes on the way to an answer: logit lens, head roles, patching, and a page of them."""
