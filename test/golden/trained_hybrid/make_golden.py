"""A small qwen3_5_text that has learnt something: `python make_golden.py` (some minutes) writes config.json, model.safetensors and
fixture.safetensors beside itself.

What number formats lose depends on the weights, and random ones tell little of it; so this one reads the bytes of the pages in
docs/ until it guesses the next one well. `input_ids` are stretches of a page that it did not read, `loss` what it makes of them.
"""
import json
import platform
from pathlib import Path

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file
from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig

HERE = Path(__file__).parent
DOCS = HERE.parents[2] / "docs"
HELD = "quantization.md"
STEPS, BATCH, LENGTH, RATE = 900, 8, 192, 4e-3

torch.set_num_threads(1)
torch.manual_seed(1)
config = Qwen3_5TextConfig(
    vocab_size=256, hidden_size=64, intermediate_size=192, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=32,
    max_position_embeddings=4096, linear_num_key_heads=2, linear_num_value_heads=4, linear_key_head_dim=32, linear_value_head_dim=32,
    tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1e4, partial_rotary_factor=0.25, mrope_interleaved=True, mrope_section=[2, 1, 1]))
model = Qwen3_5ForCausalLM(config).train()
pages = [path.read_bytes() for path in sorted(DOCS.rglob("*.md")) if path.name != HELD]
data = torch.frombuffer(bytearray(b"\n".join(pages)), dtype=torch.uint8).long()
optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1)
for step in range(STEPS):
    for group in optimizer.param_groups:
        group["lr"] = RATE * min(1, step / 30) * (1 - 0.95 * step / STEPS)
    rows = torch.stack([data[at:at + LENGTH + 1] for at in torch.randint(0, len(data) - LENGTH - 1, (BATCH,))])
    loss = F.cross_entropy(model(input_ids=rows[:, :-1]).logits.flatten(0, 1), rows[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 50 == 0:
        print(step, round(loss.item(), 3), flush=True)

model.eval()
held = torch.frombuffer(bytearray((DOCS / HELD).read_bytes()), dtype=torch.uint8).long()[:8 * LENGTH].view(8, LENGTH)
tensors = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items() if k != "lm_head.weight"}
model.load_state_dict({k: v.float() for k, v in tensors.items()}, strict=False)
with torch.no_grad():
    loss = F.cross_entropy(model(input_ids=held).logits[:, :-1].flatten(0, 1), held[:, 1:].flatten())
print("held", loss.item())
save_file(tensors, HERE / "model.safetensors", {"format": "pt"})
save_file({"input_ids": held, "loss": loss.view(1)}, HERE / "fixture.safetensors")
(HERE / "config.json").write_text(json.dumps(model.config.to_dict(), indent=2, default=str) + "\n")
versions = {"command": "python make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")
for file in HERE.iterdir():
    file.chmod(0o644)
