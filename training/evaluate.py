"""Exact match of a checkpoint on eval/ and examples/pictures/, in PyTorch: `python training/evaluate.py [folder]`.

A question counts when every token of the canonical answer and the end mark is the greedy choice. Variants in `accept` are
not counted here, so the engine's own `ocellus eval` can only be equal or a little higher.
"""
import base64
import glob
import io
import json
import os
import sys
import torch
from PIL import Image
import export
import fit
import sequences


def read(pattern):
    for path in sorted(glob.glob(pattern)):
        with open(path, encoding="utf-8") as file:
            yield from (json.loads(line) for line in file)


def picture_of(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))


@torch.no_grad()
def grade(model, maker, pad, pictures, asked):
    """[[bool]] per picture and question."""
    _, visual = model.see(torch.stack([fit.pixel_values(p) for p in pictures]))
    rows = sequences.collate([maker.question_row(q) for q in asked], pad)
    logits, targets, row, column = sequences.answer_logits(model, rows, visual)
    bad = logits.argmax(-1) != targets
    wrong = set(zip(row[bad].tolist(), rows["segments"][row[bad], column[bad]].tolist()))
    return [[(n, s) not in wrong for s in range(1, len(q) + 1)] for n, q in enumerate(asked)]


def interval(hits, total):
    """Wilson 95 % half-width around the middle, in points."""
    p, z = hits / total, 1.96
    return 100 * z * ((p * (1 - p) + z * z / (4 * total)) / total) ** .5 / (1 + z * z / total)


def run_eval(model, maker, pad, size=40):
    tally, lines = {}, list(read(os.path.join(export.ROOT, "eval", "*.jsonl")))
    for at in range(0, len(lines), size):
        part = lines[at:at + size]
        asked = [line["questions"] for line in part]
        for questions, right in zip(asked, grade(model, maker, pad, [picture_of(line["image"]) for line in part], asked)):
            for q, r in zip(questions, right):
                for key in (f"{q['kind']}/{q['scene']}", f"{q['kind']}/{q['scene']}/{q['language']}", f"{q['kind']}/all"):
                    hits, total = tally.get(key, (0, 0))
                    tally[key] = (hits + r, total + 1)
    for key, (hits, total) in sorted(tally.items()):
        print(f"{key:24s} {100 * hits / total:5.1f} % ± {interval(hits, total):.1f}  of {total}")


@torch.no_grad()
def run_examples(model, tokenizer):
    folder = os.path.join(export.ROOT, "examples", "pictures")
    with open(os.path.join(folder, "labels.json"), encoding="utf-8") as file:
        labels = json.load(file)
    for entry in labels:
        _, visual = model.see(fit.pixel_values(Image.open(os.path.join(folder, entry["picture"])))[None])
        for q in entry["questions"]:
            text = export.render([{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": q["question"]}]}])
            ids = torch.tensor([tokenizer.encode(text.replace("<|image_pad|>", sequences.PADS)).ids])
            said = tokenizer.decode(model.generate(ids, visual, 48, tokenizer.token_to_id("<|im_end|>")))
            print("ok  " if said == q["answer"] else "MISS", entry["picture"], "|", q["question"], "|", said, "" if said == q["answer"] else f"| expected {q['answer']}")


def main():
    torch.set_num_threads(2)
    model, tokenizer = export.load_exported(sys.argv[1] if len(sys.argv) > 1 else export.CHECKPOINT)
    maker = sequences.RowMaker(tokenizer, None, rough=False)
    run_eval(model, maker, tokenizer.token_to_id("<|endoftext|>"))
    run_examples(model, tokenizer)


if __name__ == "__main__":
    main()
