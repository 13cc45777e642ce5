"""LoRA by PyTorch and PEFT on what `npm run bench -- tune-lora` hands over: the same first adapter, the same questions in the same
order, the same learning rates. `python training/tuning_reference.py FOLDER` reads FOLDER/run.json, rows.jsonl and first/ (an adapter)
and writes FOLDER/reference.json: the held-out losses, and how far the logits of our finished adapter, adapter/, are from ours.
"""
import json
import sys
import time
from pathlib import Path

import peft
import torch
import transformers
from peft import PeftModel
from transformers import AutoModelForCausalLM


def loss_of(model, rows):
    """Sum of -log p over the answers' tokens, and how many they are; right-padded."""
    length = max(len(r["ids"]) for r in rows)
    ids = torch.tensor([r["ids"] + [0] * (length - len(r["ids"])) for r in rows])
    mask = torch.tensor([[1] * len(r["ids"]) + [0] * (length - len(r["ids"])) for r in rows])
    logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1]
    targets = ids[:, 1:]
    chosen = torch.tensor([[r["start"] - 1 <= i < len(r["ids"]) - 1 for i in range(length - 1)] for r in rows])
    return torch.nn.functional.cross_entropy(logits[chosen], targets[chosen], reduction="sum"), int(chosen.sum())


def held_out(model, rows, size):
    model.eval()
    with torch.no_grad():
        parts = [loss_of(model, rows[i:i + size]) for i in range(0, len(rows), size)]
    return sum(float(l) for l, _ in parts) / sum(n for _, n in parts)


def main(folder):
    torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    run = json.loads((folder / "run.json").read_text())
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    base = AutoModelForCausalLM.from_pretrained(run["model"], dtype=torch.float32, attn_implementation="eager")
    model = PeftModel.from_pretrained(base, folder / "first", is_trainable=True)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=0, weight_decay=run["weightDecay"])
    tests, size = [rows[i] for i in run["heldOut"]], run["batchSize"]
    losses, started = [{"step": 0, "loss": held_out(model, tests, size)}], time.time()
    for step, (batch, rate) in enumerate(zip(run["batches"], run["learningRates"])):
        for group in optimizer.param_groups:
            group["lr"] = rate
        chosen = [rows[i] for i in batch]
        count = sum(len(r["ids"]) - r["start"] for r in chosen)
        optimizer.zero_grad()
        for at in range(0, len(chosen), size):
            loss, _ = loss_of(model, chosen[at:at + size])
            (loss / count).backward()
        torch.nn.utils.clip_grad_norm_(trained, run["clip"])
        optimizer.step()
        if step + 1 in run["evaluateAt"]:
            losses.append({"step": step + 1, "loss": held_out(model, tests, size)})
            print(losses[-1], round(time.time() - started), "s", flush=True)
    del model, base
    found = {"losses": losses, "seconds": time.time() - started, "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}}
    if (folder / "adapter").exists():
        base = AutoModelForCausalLM.from_pretrained(run["model"], dtype=torch.float32, attn_implementation="eager")
        found["adapter_loss"] = held_out(PeftModel.from_pretrained(base, folder / "adapter"), tests, size)
    (folder / "reference.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
