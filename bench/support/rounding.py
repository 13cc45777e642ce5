"""What rounding both sides of every product costs a decoder: `python rounding.py CHECKPOINT [WINDOWS]`.

Rounding is simulated in float32. Text: Python's own language reference (pydoc_data). Prints the mean KL divergence of the next
token from the unrounded model, and the share of equal top tokens. Needs torch and transformers. docs/decisions/0013-w8a8.md.
"""
import math
import pydoc_data.topics
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

WINDOW = 384


def by_row(x):
    step = x.abs().amax(-1, keepdim=True) / 127 + 1e-20
    return (x / step).round().clamp(-127, 127) * step


def in_blocks(x, size):
    padding = -x.shape[-1] % size
    blocks = torch.nn.functional.pad(x, (0, padding)).unflatten(-1, (-1, size))
    return by_row(blocks).flatten(-2)[..., : x.shape[-1]]


def turned(x, size):
    matrix = torch.ones(1, 1)
    while len(matrix) < size:
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)])
    return (x.unflatten(-1, (-1, size)) @ (matrix / math.sqrt(size))).flatten(-2)


def rotated(x, size):
    return turned(by_row(turned(x, size)), size)


class Rounding:
    def __init__(self, path, windows):
        self.model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        tokenizer = AutoTokenizer.from_pretrained(path)
        topics = pydoc_data.topics.topics
        ids = torch.tensor(tokenizer("\n".join(topics[key] for key in sorted(topics)))["input_ids"])
        starts = [n * 4001 for n in range(2 * windows)]
        texts = [ids[start : start + WINDOW][None] for start in starts]
        self.held_out, self.calibration = texts[:windows], texts[windows:]
        named = self.model.named_modules()
        self.linear = {n: m for n, m in named if isinstance(m, torch.nn.Linear) and "lm_head" not in n}
        self.original = {name: module.weight.data.clone() for name, module in self.linear.items()}
        self.hooks = []
        self.expected = [torch.log_softmax(logits, -1) for logits in self.logits(self.held_out)]

    def logits(self, texts):
        with torch.no_grad():
            return [self.model(text).logits[0] for text in texts]

    def set(self, weight, activation):
        for hook in self.hooks:
            hook.remove()
        for name, module in self.linear.items():
            module.weight.data = weight(name, self.original[name].clone())
        self.hooks = [
            module.register_forward_pre_hook(lambda _, inputs, name=name: (activation(name, inputs[0]),))
            for name, module in self.linear.items()
        ]

    def largest(self):
        """The largest magnitude of each column of each product's input, on texts of their own."""
        seen = {}

        def note(name, x):
            top = x.detach().abs().reshape(-1, x.shape[-1]).amax(0)
            seen[name] = torch.maximum(seen[name], top) if name in seen else top
            return x

        self.set(lambda _, w: w, note)
        self.logits(self.calibration)
        return seen

    def report(self, label, weight, activation):
        self.set(weight, activation)
        divergence = same = count = 0
        for logits, expected in zip(self.logits(self.held_out), self.expected):
            found = torch.log_softmax(logits, -1)
            divergence += (expected.exp() * (expected - found)).sum().item()
            same += (found.argmax(-1) == expected.argmax(-1)).sum().item()
            count += len(found)
        print(f"{label:48s} KL {divergence / count:.4f}  same top {100 * same / count:.1f} %", flush=True)


def main(path, windows=5):
    torch.set_num_threads(1)
    rounding = Rounding(path, int(windows))
    largest = rounding.largest()

    def smooth(alpha):
        own = {n: w.abs().amax(0).clamp(min=1e-5) for n, w in rounding.original.items()}
        scales = {n: largest[n].clamp(min=1e-5) ** alpha / own[n] ** (1 - alpha) for n in own}
        weight = lambda n, w: by_row(w * scales[n]) / scales[n]
        rounding.report(f"SmoothQuant {alpha}", weight, lambda n, x: by_row(x / scales[n]) * scales[n])

    def kept(count):
        columns = {n: top.topk(count).indices for n, top in largest.items()}

        def rest(n, x):
            y = x.clone()
            y[..., columns[n]] = 0
            y = by_row(y)
            y[..., columns[n]] = x[..., columns[n]]
            return y

        rounding.report(f"{count} largest columns in float", lambda _, w: by_row(w), rest)

    def both(label, f):
        rounding.report(label, lambda _, w: f(w), lambda _, x: f(x))

    both("int8 in blocks of 128", lambda x: in_blocks(x, 128))
    both("int8 in blocks of 32", lambda x: in_blocks(x, 32))
    both("by channel and row", by_row)
    for size in (16, 32, 64):
        both(f"turned in groups of {size}", lambda x: rotated(x, size))
    for alpha in (0.5, 0.85):
        smooth(alpha)
    for count in (8, 32):
        kept(count)
    both("4 groups of columns", lambda x: torch.cat([by_row(part) for part in x.chunk(4, -1)], -1))


main(*sys.argv[1:])
