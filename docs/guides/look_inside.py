# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # Look inside a model
#
# A model answers with probabilities of the next token. This guide shows what it computes on the way: as a page that opens in a browser, and as
# tensors in Python. Both work for GPT-1 and GPT-2 alike, and for any model that the toolkit reads.
#
# ## A page of a text
#
# `gpt-toolkit look` writes one HTML file, which needs no network:

# %% language="bash"
# gpt-toolkit look runs/quickstart/model --output runs/look.html \
#   --text "Hanna had a round pitcher. Emil took the pitcher from Hanna and gave it back to" \
#   --text2 "Helga had a round pitcher. Emil took the pitcher from Helga and gave it back to" \
#   --answer " Hanna" --answer2 " Helga"

# %% [markdown]
# ![The page of a short story: tokens colored by surprisal, with the likeliest alternatives and the logit lens.](../assets/look.png)
#
# | Part | Shows |
# |---|---|
# | Text | each token colored by its surprisal, in bits; for the selected token the five likeliest and its rank |
# | Logit lens | the likeliest token if the remaining layers are left out |
# | Heads | how much a head attends to the previous token, to the token after an earlier occurrence (*induction*) and to the first token (*sink*), on random tokens that repeat; its attention on the text |
# | Second text (`--text2`) | what one activation of the first text changes in the second, for each layer and position |
#
# The texts must have the same number of tokens and different answers. An answer is the likeliest next token, unless `--answer` and `--answer2` name it,
# with the space before it.
#
# ## Activations by name
#
# `model.trace` records every activation of a text:

# %%
import gpt_toolkit as gt

model = gt.load("runs/quickstart/model", device="cpu")
trace = model.trace("Hanna had a round pitcher.")
for name in ("embed", "h.0.attn.pattern", "h.1.mlp.hidden", "final", "logits"):
    print(f"{name:18} {tuple(trace[name].shape)}")

# %% [markdown]
# The names are the same for both generations. `i` counts layers from 0; H is the number of heads, T the number of tokens, D the width of the
# states and V the size of the vocabulary.
#
# | Name | Shape | Value in GPT-2 | In GPT-1, if it differs |
# |---|---|---|---|
# | `embed` | (T, D) | token plus position embeddings | |
# | `h.i.resid_pre` | (T, D) | residual stream before the layer | |
# | `h.i.attn.pattern` | (H, T, T) | attention probabilities; a row attends to the columns | |
# | `h.i.attn.heads` | (H, T, D) | output of each head, after the output projection | |
# | `h.i.attn.out` | (T, D) | sum of the heads plus the projection's bias | |
# | `h.i.resid_mid` | (T, D) | `resid_pre + attn.out` | `ln_1(resid_pre + attn.out)` |
# | `h.i.mlp.hidden` | (T, 4 D) | hidden layer of the MLP, after GELU | |
# | `h.i.mlp.out` | (T, D) | output of the MLP | |
# | `h.i.resid_post` | (T, D) | `resid_mid + mlp.out` | `ln_2(resid_mid + mlp.out)` |
# | `final` | (T, D) | `ln_f` of the last `resid_post` | the last `resid_post` |
# | `logits` | (T, V) | scores of the next token | |
#
# The values agree with `transformers` within 1e-5, and with TransformerLens within 1e-4.
#
# ## Contributions to an answer
#
# `parts` splits the final states into contributions of the embeddings, of each head and of each MLP. They sum to `final`. Multiplied by a token's
# embedding, a contribution is a part of this token's logit:

# %%
text = "Hanna had a round pitcher. Emil took the pitcher from Hanna and gave it back to"
trace = model.trace(text)
hanna, emil = (model.tokenizer.encode(f" {name}")[0] for name in ("Hanna", "Emil"))
direction = (model.decoder.wte.weight[hanna] - model.decoder.wte.weight[emil]).detach()
for name, part in trace.parts().items():
    print(f"{name:16} {(part[-1] @ direction).item():+6.2f}")
print(f"{'together':16} {(trace['final'][-1] @ direction).item():+6.2f}")

# %% [markdown]
# ## Replace an activation
#
# `replace` sets activations by name, to a tensor or to what a function returns. Everything after it is computed from the new value. Here the last
# layer's first head attends to the first token alone:

# %%


def first_token_only(pattern):
    pattern[0] = 0
    pattern[0, :, 0] = 1
    return pattern


patched = model.trace(text, replace={"h.1.attn.pattern": first_token_only})
for name, found in (("as it is", trace), ("patched", patched)):
    p = found["logits"][-1].softmax(-1)
    print(f"{name:10} Hanna {p[hanna]:.1%}, Emil {p[emil]:.1%}")

# %% [markdown]
# With the values of another text, this is activation patching, as on the page [who has the thing?](../ideas/who_has_it.md). The functions behind the
# page of `look` are in [the reference](../reference/api/interpretability.md).
#
# Next: [troubleshooting](troubleshooting.md).
