"""The tokenizer of ocellus-tiny: byte-level BPE, Qwen2's way of cutting words (each digit alone), NFC, Qwen-style specials.

`build(folder)` writes tokenizer.json, tokenizer_config.json and special_tokens_map.json. `extended` adds merges learnt from the grammar
of phrases.py behind those there are, so what was spelled before is spelled as before, and weights can follow (warm.py).
"""
import collections
import json
import os
import re
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
import asking
import phrases
import talk

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]
SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
VOCAB = 1600
EXTENDED = 2048                        # tokens of the extended one, specials included
TEMPLATE = """{%- for message in messages %}
{{- '<|im_start|>' + message['role'] + '\\n' }}
{%- if message['content'] is string %}
{{- message['content'] }}
{%- else %}
{%- for part in message['content'] %}
{%- if part['type'] == 'image' or part['type'] == 'image_url' %}
{{- '<|vision_start|><|image_pad|><|vision_end|>' }}
{%- elif part['type'] == 'text' %}
{{- part['text'] }}
{%- endif %}
{%- endfor %}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}"""


def words_of_the_talk():
    """Every phrase of the talk with its slots cut out, and every slot filler alone: what the tokenizer learns from.

    Fillers never stand beside one another here, so the byte pairs cannot melt `红色` and `条纹` into one token."""
    cut = lambda form: [part for part in re.split(r"\{\w+\}", form) if part.strip()]
    phrases = [p for by in talk.ASK.values() for forms in by.values() for f in forms for p in cut(f)]
    lexicon = [w for table in (talk.ITEMS, talk.TINT, talk.PATTERN, talk.NUMBER) for words in table.values() for w in words]
    lexicon += [w for by in (talk.PLACE, talk.KIND) for words in by.values() for w in words.values()]
    tails = ["件。", "件商品:", "对话框", "代码", "价格", "一件", "一条", "一只", "一个", "在", "的", "。", "、", ",", ":", "?", "¥", "$",
             " items:", " and", " with code", ", code", " The price is", " a", " an", "A", "An", "Yes.", "No.", "是。", "否。", "There is no price tag.", "没有价格标签。"]
    sentences = [t for by in (talk.ADVICE, {0: talk.UNREADABLE["price"]}, {0: talk.UNREADABLE["code"]}, {0: talk.REFUSAL}) for words in by.values() for t in words.values()] + list(talk.WINDOW.values())
    sentences += [t for pairs in talk.SMALL_TALK.values() for pair in pairs for t in pair] + [t for by in talk.SYSTEM.values() for t in by]
    english = [w for w in lexicon if w.isascii()]
    spaced = [f" {w}" for w in english] + [w.capitalize() for w in english] + [f" {p.capitalize()}" for w in english for p in w.split(" ")]
    chosen = (lexicon + spaced + tails) * 8 + phrases * 2 + sentences + [w.capitalize() for w in talk.WINDOW.values()]
    return chosen + [w if w.isascii() else w.translate(talk.WIDE) for w in chosen] + [w[0].lower() + w[1:] for w in phrases]


def train_bpe():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCAB - len(SPECIALS), initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False, min_frequency=2)
    tokenizer.train_from_iterator(words_of_the_talk(), trainer)
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIALS])
    return tokenizer


def words_of_the_grammar(most=60):
    """Cores and frames with their slots cut out; of a pattern with many strings every so-manieth."""
    texts = []
    for language, grammar in phrases.GRAMMAR.items():
        for form in grammar.FORMS:
            for held in (False, True):
                for _, strings in phrases.cores(language, form, held):
                    texts += strings[::1 + len(strings) // most]
        texts += [f for frames in grammar.FRAMES.values() for f in frames] * 20
        texts += [w for words in grammar.SYNONYMS.values() for w in words] * 20
        texts += [q for held in (False, True) for q in phrases.outside(language, held)]
    answers = [t for by in (talk.REFUSAL, talk.UNREADABLE["price"], talk.UNREADABLE["code"], asking.NO_CODE) for t in by.values()] * 50
    parts = [p for text in texts + answers for p in re.split(r"\{\w+\}", text) if p.strip()]
    return parts + [" " + p for p in parts if p.isascii()] + [p[0].upper() + p[1:] for p in parts if p.isascii()]


def melted(word, a, b):
    """A word's tokens with each a, b made one."""
    out, n = [], 0
    while n < len(word):
        pair = word[n] == a and n + 1 < len(word) and word[n + 1] == b
        out.append(a + b if pair else word[n])
        n += 1 + pair
    return out


def extended(tokenizer, texts, size=EXTENDED, longest=6):
    """A tokenizer of `size` tokens: merges learnt from texts behind its own. No new Chinese token is longer than `longest` bytes: two characters."""
    table = json.loads(tokenizer.to_str())
    counts = collections.Counter(w for text in texts for w, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text))
    words = {w: [t.value for t in tokenizer.model.tokenize(w)] for w in counts}
    vocabulary = [t for t, _ in sorted(table["model"]["vocab"].items(), key=lambda e: e[1]) if t not in SPECIALS]
    while len(vocabulary) < size - len(SPECIALS):
        pairs = collections.Counter()
        for word, parts in words.items():
            for pair in zip(parts, parts[1:]):
                if pair[0].isascii() or len(pair[0] + pair[1]) <= longest:
                    pairs[pair] += counts[word]
        a, b = max(pairs, key=lambda p: (pairs[p], p))
        vocabulary.append(a + b)
        table["model"]["merges"].append([a, b])
        words = {w: melted(p, a, b) if a in p else p for w, p in words.items()}
    table["model"]["vocab"] = {t: n for n, t in enumerate(vocabulary)}
    table["added_tokens"] = []
    out = Tokenizer.from_str(json.dumps(table))
    out.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIALS])
    return out


def build(folder, start=None):
    """Train, or extend the tokenizer of the folder `start`, and write the three files; returns the tokenizer."""
    tokenizer = extended(load(start) if start else train_bpe(), words_of_the_grammar())
    os.makedirs(folder, exist_ok=True)
    write(folder, "tokenizer.json", json.loads(tokenizer.to_str()))
    added = {str(tokenizer.token_to_id(s)): {"content": s, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True} for s in SPECIALS}
    write(folder, "tokenizer_config.json", {
        "add_bos_token": False, "add_prefix_space": False, "added_tokens_decoder": added, "additional_special_tokens": SPECIALS[1:],
        "bos_token": None, "chat_template": TEMPLATE, "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>",
        "model_max_length": 2048, "pad_token": "<|endoftext|>", "tokenizer_class": "Qwen2Tokenizer", "unk_token": None})
    write(folder, "special_tokens_map.json", {"additional_special_tokens": SPECIALS[1:], "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"})
    return tokenizer


def write(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=2)
        file.write("\n")


def load(folder):
    return Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
