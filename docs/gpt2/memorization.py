# %% [markdown]
# # Did the model read the test set?
#
# *GPT-2 §4, Table 6.* WebText is large, and parts of published test sets are in it. The paper measures this *contamination* with 8-grams,
# sequences of eight words. It reports the fraction of a test set's 8-grams that also occur in the training text:
# $\text{overlap} = \text{found} / \text{all}$. Text is reduced to lower-case alphanumeric words with single spaces. The paper stores the
# training 8-grams in Bloom filters with a false-positive rate below $10^{-8}$.
#
# Our code is [`gpt_toolkit.analysis.ngram_overlap`][gpt_toolkit.analysis.ngram_overlap]; `gpt-toolkit overlap` runs it on files. The command
# stores the *test* set's 8-grams and streams the training text, so its memory does not grow with the corpus and its counts are exact.

# %%
from gpt_toolkit.analysis.ngram_overlap import fingerprints, normalized

text = "“I’ve seen it,” said Nora — the miller’s dog, of course!"
print(normalized(text))
print(len(fingerprints(text)), "8-grams")

# %% [markdown]
# ## Storyworld's splits
#
# Storyworld is the toolkit's [built-in synthetic world](../glossary.md#storyworld). It guarantees that a person and a thing that meet in the
# test split never meet in a training story. It does not guarantee that phrases differ, because its texts repeat the same wording. How many
# 8-grams do the splits share?

# %%
from itertools import islice

from gpt_toolkit.analysis.ngram_overlap import BloomFilter, TestNgramIndex, overlaps, total_overlap
from gpt_toolkit.storyworld.documents import documents

test = [fingerprints(document) for document in islice(documents(1, "test"), 200)]
sizes = [250, 500, 1000, 2000, 4000]
index = TestNgramIndex(test)
shares, read = [], documents(1)
seen = 0
for size in sizes:
    for document in islice(read, size - seen):
        index.add(fingerprints(document))
    seen = size
    shares.append(total_overlap(overlaps(test, index)).fraction)
for size, share in zip(sizes, shares, strict=True):
    print(f"{size:5,} training documents: {share:.1%} of the test 8-grams")

# %% alt="Fraction of the test 8-grams that occur in the training text, over the number of training documents. It rises more and more slowly and is far above the few percent of the published datasets." tags=["fold"]
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 3))
axes.plot(sizes, [100 * share for share in shares], marker="o")
axes.set(xscale="log", xlabel="training documents", ylabel="% of test runs found", ylim=0)
axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
axes.minorticks_off()
plt.show()

# %% tags=["hide"]
from IPython.display import Markdown

Markdown(
    f"The overlap is {shares[-1]:.0%} after {sizes[-1]:,} documents and still grows: a small world repeats its wording. The loss on this test set therefore mixes generalization "
    "and memorization. Storyworld's benchmarks, whose answers depend on held-out combinations, are the harder test."
)

# %% [markdown]
# ## Exact counts and a Bloom filter
#
# The paper's method for comparison, with its bound on false positives:

# %%
bloom = BloomFilter(capacity=800_000)
for document in islice(documents(1), 4000):
    bloom.add(fingerprints(document))
print(
    f"exact {shares[-1]:.4%}, filter {total_overlap(overlaps(test, bloom)).fraction:.4%} with {bloom.n_bytes / 1e6:.1f} MB"
)
print(f"expected false positives: {bloom.expected_false_positives():.1e}")

# %% [markdown]
# ## How often must a fact stand in the text?
#
# How often a web corpus repeats a fact is unknown. In Storyworld it can be chosen:
#
# ```console
# gpt-toolkit tables --frequency                    # a few minutes on 2 CPU cores; writes runs/frequency
# ```
#
# The command gives each of the 120 people a thing under the bed, which no story mentions. It plants the sentence *Under the bed Mara Ashdown
# keeps a bell.* 0, 1, 10 or 100 times among 7,200 stories, in random places, 30 people for each number. A decoder of 2 x 128 reads this text
# about once. At six checkpoints, a fact is known if its thing is likelier than nine others after the same words; guessing scores 10%.
#
# Facts known in percent, with 95% intervals (measured once, on two CPU cores with bf16):
#
# | in the text | step 66 | 132 | 198 | 264 | 330 | 396 |
# |---|--:|--:|--:|--:|--:|--:|
# | 0 times | 10 ± 11 | 10 ± 11 | 17 ± 13 | 17 ± 13 | 23 ± 15 | 20 ± 14 |
# | 1 time | 10 ± 11 | 10 ± 11 | 13 ± 12 | 10 ± 11 | 0 ± 6 | 3 ± 8 |
# | 10 times | 17 ± 13 | 10 ± 11 | 10 ± 11 | 23 ± 15 | 17 ± 13 | 20 ± 14 |
# | 100 times | 10 ± 11 | 10 ± 11 | 27 ± 15 | 50 ± 17 | 57 ± 17 | 60 ± 17 |
#
# - Only facts that stand 100 times are learned in this run. Their score is above chance from step 198 on, when each has been read about
#   50 times: their *age of acquisition*.
# - Facts that stand 0, 1 and 10 times cannot be told apart from guessing. The row of 0 times shows how far chance alone goes. With 24 cells,
#   one interval that misses the true value is expected.
# - `--pretrain` changes the decoder or the number of steps, for example `--pretrain '--model.decoder.n_embd 256'`. The text grows with
#   `--trainer.max_steps`, so that it is read about once.
#
# ## The paper's Table 6
#
# | % of the test set's 8-grams in | PTB | WikiText-2 | enwik8 | text8 | WikiText-103 | 1BW |
# |---|---|---|---|---|---|---|
# | its own training set | 2.67 | 0.66 | 7.50 | 2.34 | 9.09 | 13.19 |
# | WebText | 0.88 | 1.63 | 6.31 | 3.94 | 2.42 | 3.75 |
#
# On average, test sets overlap more with their *own* training sets (5.9%) than with WebText (3.2%). Without the overlapping examples,
# LAMBADA's perplexity changes from 8.6 to 8.7. The paper's second argument is Figure 4: training and test loss fall together.
#
# ## Differences from the paper
#
# - 8-grams are compared by 64-bit fingerprints. Two different 8-grams have the same fingerprint with a probability of $2^{-64}$.
# - The paper does not say how it treats non-ASCII letters. We keep all Unicode letters and digits.
#
# Exercise on this page, solutions behind a fold: [`gpt2-4`](../guides/exercises.md#gpt2-4).
#
# Next: [does the loss follow a power law?](scaling.md)
