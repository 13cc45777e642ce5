"""Golden ids of Qwen3.5's way of splitting words: `python make_golden.py` writes tokenizer.json and golden.json beside itself.

Reference: Hugging Face's Python package tokenizers, put together as transformers' Qwen3_5Tokenizer is: in its pattern, marks
(\\p{M}) belong to the word before them. The vocabulary is trained here on the texts themselves, so that its tokens reach over marks
and every split shows. Texts: those of ../qwen3-tokenizer/texts.py in scripts that write marks or no spaces, and random ones; these
keep to what Unicode versions agree on, as there.
"""
import json
import random
import sys
import unicodedata
from pathlib import Path

import tokenizers
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers.models.qwen3_5.tokenization_qwen3_5 import PRETOKENIZE_REGEX

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "qwen3-tokenizer"))
from make_golden import random_text, written  # noqa: E402
from texts import groups  # noqa: E402

SEED = 7
NUM_RANDOM = 200
VOCAB_SIZE = 1600
GROUPS = ["chinese", "japanese", "korean", "arabic", "hebrew", "thai_lao_khmer_burmese", "indic", "europe", "emoji", "hostile", "normal", "spaces", "folded"]
BLOCKS = [
    (0x20, 0x7E), (0x300, 0x36F), (0x590, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F), (0x980, 0x9FF), (0xB80, 0xBFF), (0xD00, 0xD7F), (0xE00, 0xE7F),
    (0xE80, 0xEFF), (0xF00, 0xFFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x20D0, 0x20F0), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7AF),
]


def trained(texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated", invert=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts * 2, trainers.BpeTrainer(vocab_size=VOCAB_SIZE, initial_alphabet=alphabet, show_progress=False))
    return tokenizer


def without_marks(tokenizer):
    """The same but for the marks in the pattern: Qwen3's way."""
    other = json.loads(tokenizer.to_str())
    other["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = PRETOKENIZE_REGEX.replace("[\\p{L}\\p{M}]", "\\p{L}").replace("\\p{M}", "")
    return Tokenizer.from_str(json.dumps(other))


def random_texts(tokenizer, rng):
    texts = []
    while len(texts) < NUM_RANDOM:
        text = random_text(rng, BLOCKS)
        if tokenizer.normalizer.normalize_str(text) == unicodedata.normalize("NFC", text):
            texts.append(text)
    return texts


texts = [(group, text) for group, members in groups().items() if group in GROUPS for text in members]
tokenizer = trained([text for _, text in texts])
texts += [("random", text) for text in random_texts(tokenizer, random.Random(SEED))]
tokenizer.save(str(HERE / "tokenizer.json"), pretty=False)
ids = lambda tokenizer, text: tokenizer.encode(text, add_special_tokens=False).ids  # noqa: E731
other = without_marks(tokenizer)
golden = {
    "made with": {"python": sys.version.split()[0], "tokenizers": tokenizers.__version__, "transformers": transformers.__version__, "seed": SEED},
    "command": "python make_golden.py",
    "cases": [{"group": group, "text": text, "ids": ids(tokenizer, text), "marksCount": ids(tokenizer, text) != ids(other, text)} for group, text in texts],
}
(HERE / "golden.json").write_text(written(golden))
print(len(texts), "texts, of which marks count in", sum(case["marksCount"] for case in golden["cases"]))
