"""LoRA folders as PEFT saves them, and the weights that PEFT's own merge makes of them: `python make_golden.py` writes a folder a case
beside itself. Reference: peft `merge_and_unload` in fp32 on the small random checkpoints of ../whole. made-by.json records the versions.
"""
import json
import platform
import shutil
from pathlib import Path

import peft
import safetensors.torch
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

HERE = Path(__file__).parent
CASES = {
    "plain": ("qwen2_vl", AutoModelForImageTextToText, True, dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"])),
    "patterns": ("qwen3", AutoModelForCausalLM, False, dict(
        r=4, lora_alpha=6, use_rslora=True, target_modules=r".*\.(q_proj|o_proj|down_proj)", rank_pattern={r"layers\.0\..*q_proj": 2, "o_proj": 3},
        alpha_pattern={"down_proj": 16, r".*\.1\.self_attn\.q_proj": 1.5})),
    "all-linear": ("qwen2_vl", AutoModelForImageTextToText, True, dict(r=2, lora_alpha=5, target_modules="all-linear", bias="all")),
    "saved": ("qwen2_vl", AutoModelForImageTextToText, True, dict(
        r=2, lora_alpha=2, target_modules=["gate_proj", "qkv"], bias="lora_only", modules_to_save=["ln_q", "o_proj"])),
    "embedding": ("qwen3", AutoModelForCausalLM, True, dict(r=3, lora_alpha=4, target_modules=["embed_tokens", "k_proj"], fan_in_fan_out=True)),
    "patches": ("qwen2_vl", AutoModelForImageTextToText, True, dict(r=2, lora_alpha=3, target_modules=["patch_embed.proj"])),
}


def make(name, base, auto, safe, options):
    path = HERE.parent / "whole" / base
    torch.manual_seed(len(name))
    model = auto.from_pretrained(path, dtype=torch.float32)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    adapted = get_peft_model(model, LoraConfig(init_lora_weights=False, **options))
    with torch.no_grad():
        for key, parameter in adapted.named_parameters():
            if "modules_to_save" in key or (key.endswith(".bias") and parameter.requires_grad):
                parameter.add_(torch.randn_like(parameter) * 0.1)
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    adapted.save_pretrained(folder, safe_serialization=safe, **({} if name != "embedding" else {"save_embedding_layers": True}))
    (folder / "README.md").unlink(missing_ok=True)
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = base
    config["target_modules"] = sorted(config["target_modules"]) if isinstance(config["target_modules"], list) else config["target_modules"]
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    merged = adapted.merge_and_unload().state_dict()
    moved = {k: v.contiguous().clone() for k, v in merged.items() if not torch.equal(v, before[k])}
    safetensors.torch.save_file(moved, folder / "merged.safetensors")
    return {"base": base, "moved": len(moved)}


made = {name: make(name, *case) for name, case in CASES.items()}
versions = {"python": platform.python_version(), "torch": torch.__version__.split("+")[0], "transformers": transformers.__version__, "peft": peft.__version__}
(HERE / "made-by.json").write_text(json.dumps({"command": "python make_golden.py", **versions, "cases": made}, indent=1) + "\n")
print(made)
