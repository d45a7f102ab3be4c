"""A CLIP tokenizer with a vocabulary of its own, learnt from captions.

As in CLIP (Radford et al. 2021, byte-level BPE with ``</w>`` ends), every byte is in the vocabulary, plain and as the
end of a word, so that any text at all has tokens and nothing is unknown.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, models, trainers
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

from workbench.critters.attributes import Critter
from workbench.critters.captions import caption
from workbench.critters.sampling import sample

START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = 1400
CORPUS, CORPUS_SEED = 100_000, 1


def train_tokenizer(captions: Iterable[str], merges: int = MERGES) -> CLIPTokenizer:
    """Learn ``merges`` byte-pair merges from captions; the vocabulary has 2 * 256 + merges + 2 entries at most."""
    blank = CLIPTokenizer()
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = blank.backend_tokenizer.normalizer
    learner.pre_tokenizer = blank.backend_tokenizer.pre_tokenizer
    alphabet = sorted(ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=2 * len(alphabet) + merges,
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        show_progress=False,
        min_frequency=3,
    )
    learner.train_from_iterator(captions, trainer)
    pairs = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]][:merges]
    words = [
        *alphabet,
        *(letter + "</w>" for letter in alphabet),
        *(first + second for first, second in pairs),
    ]
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys([*words, START, END]))}
    return CLIPTokenizer(vocab=vocabulary, merges=pairs, model_max_length=77)


def caption_corpus(count: int, seed: int) -> list[str]:
    """``count`` captions of training combinations."""
    rng = random.Random(seed)
    return [caption(Critter.from_indices(row), rng) for row in sample(count, seed, held_out=False).tolist()]


def load_or_train_tokenizer(folder: Path) -> CLIPTokenizer:
    """The tokenizer in ``folder``; learnt and saved there first where there is none."""
    if not (folder / "tokenizer.json").exists():
        train_tokenizer(caption_corpus(CORPUS, CORPUS_SEED)).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)
