# %% [markdown]
# # How does one vocabulary write any text?
#
# *GPT-2 §2.2.* A model of words cannot write a new word. A model of bytes can write anything but needs long sequences. GPT-2 uses
# byte-level *byte-pair encoding* (BPE): it starts from the 256 bytes and repeatedly merges the most frequent pair into a new entry. With
# 50,000 merges and one special token that ends a text this gives 50,257 entries. Nothing is lower-cased, cleaned or unknown.
#
# Before merging, a regular expression splits the text, so that no merge joins letters with punctuation. Otherwise `dog.`, `dog!` and `dog?`
# would each use an entry.
#
# Our code is [`ByteLevelBPE`][gpt_toolkit.tokenizers.byte_level_bpe.ByteLevelBPE]. *tiktoken* encodes, *tokenizers* trains vocabularies.
#
# ## The alphabet
#
# The vocabulary `bytes` has no merges. It encodes and decodes any text without loss, even half of a multi-byte character.

# %%
import gpt_toolkit as gt

raw = gt.load_tokenizer("bytes")
for text in ("the dog", "Führer", "½", "世界"):
    ids = raw.encode(text)
    assert raw.decode(ids) == text
    print(f"{text:8} {len(text)} characters, {len(ids)} bytes: {ids}")

# %% [markdown]
# ## Learning merges
#
# Merges are learned from a text. Here it is 1,000 documents of Storyworld, the toolkit's
# [built-in synthetic world](../glossary.md#storyworld).

# %%
from itertools import islice

from gpt_toolkit.storyworld.documents import documents
from gpt_toolkit.tokenizers import train_byte_level

corpus = list(islice(documents(1), 1000))
held_out = "\n".join(islice(documents(1, "validation"), 100))
tokenizer = train_byte_level(corpus, 1000, progress=False)
first = [tokenizer.decode([i]) for i in range(256, 276)]
last = [tokenizer.decode([i]) for i in range(979, 999)]
print("first merges:", first)
print("last merges: ", last)

# %% [markdown]
# The first merges are pairs of letters; the last are whole words with the space before them. That space belongs to the word: `dog` and
# ` dog` are two entries.
#
# ## Splitting the text

# %%
for text in (" The miller's dog, 1924!", "I'll say it's his", "I'LL SAY IT'S HIS"):
    print([tokenizer.decode([i]) for i in tokenizer.encode(text)])

# %% [markdown]
# Only lower-case contractions are split as such. A comment in the released code admits this oversight, and every GPT-2 has it.
#
# ## Effect of a larger vocabulary
#
# A larger vocabulary needs fewer tokens for the same text. In return, the embedding matrix and the output layer have more rows.

# %% alt="Bytes per token of held-out text over the size of the vocabulary, from 1 with bytes alone to more than 3 with 4,000 entries; each doubling adds less." tags=["fold"]
import matplotlib.pyplot as plt

sizes = [257, 300, 400, 600, 1000, 2000, 4000]
trained = {size: train_byte_level(corpus, size, progress=False) for size in sizes}
n_bytes = len(held_out.encode())
ratios = {size: n_bytes / len(each.encode(held_out)) for size, each in trained.items()}
figure, axes = plt.subplots(figsize=(7, 3))
axes.plot(list(ratios), list(ratios.values()), marker="o")
axes.set(xscale="log", xlabel="entries of the vocabulary", ylabel="bytes per token")
axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
axes.minorticks_off()
plt.show()

# %% tags=["hide"]
from IPython.display import Markdown

Markdown(
    f"A token has {ratios[257]:.1f} byte with bytes alone, {ratios[1000]:.1f} with 1,000 entries and {ratios[4000]:.1f} with 4,000. A perplexity *per token* "
    "therefore means nothing without its vocabulary, see [how perplexities compare](../ideas/perplexities.md)."
)

# %% [markdown]
# ## The paper's vocabulary
#
# `gt.load_tokenizer("gpt2")` loads the released vocabulary, which is downloaded once. A folder with `vocab.bpe` and `encoder.json` works
# too. Some of its ids, which the tests check:
#
# | text | ids |
# |---|---|
# | `hello world` | 31373 995 |
# | `Hello world`; ` Hello world` | 15496 995; 18435 995 |
# | `3`, `33`, `333`, `3333`, `33333` | 18, 2091, 20370, 24840, 2091 20370 |
# | `Führer` | 37 9116 71 11751 |
#
# ## Differences from the released code
#
# The ids are the same. The encoder is a different one, and it refuses a vocabulary whose merges it would apply differently. The text
# `<|endoftext|>` inside a document is encoded as ordinary text, as in the released code and unlike in `transformers`. Tokens that a model's folder
# adds to the vocabulary are found in a text [as in `transformers`](../guides/weights.md).
#
# Exercise on this page, solutions behind a fold: [`gpt2-2.2`](../guides/exercises.md#gpt2-2.2).
#
# Next: [the model](model.md).
