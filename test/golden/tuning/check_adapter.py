"""Whether Python's peft answers with an adapter as the merged checkpoint does: `python check_adapter.py BASE ADAPTER MERGED` opens
BASE with ADAPTER in peft, MERGED in transformers (both written by `ocellus tune vision` with the same seed), and prints the largest
difference of their logits of one prompt, with an image if the model reads images, and how far the adapter moves them from BASE.
Checked with transformers 5.24, peft 0.21, torch 2.15.
"""
import sys
import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

base, adapter, merged = sys.argv[1:4]
config = AutoConfig.from_pretrained(base)
kind = AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM
load = lambda path: kind.from_pretrained(path, dtype=torch.float32).eval()
torch.manual_seed(0)
vocabulary = config.get_text_config().vocab_size
inputs = {"input_ids": torch.randint(6, vocabulary, (1, 12))}
if hasattr(config, "image_token_id") and config.model_type in ("qwen2_vl", "qwen2_5_vl", "qwen3_vl"):
    vision = config.vision_config
    merge = vision.spatial_merge_size
    inputs["input_ids"][0, 3:3 + 4] = config.image_token_id                         # a grid of 2 by 2 merged patches
    if hasattr(config, "vision_start_token_id"):
        inputs["input_ids"][0, 2] = config.vision_start_token_id
    inputs["image_grid_thw"] = torch.tensor([[1, 2 * merge, 2 * merge]])
    size = 3 * vision.temporal_patch_size * vision.patch_size ** 2
    inputs["pixel_values"] = torch.randn((2 * merge) ** 2, size)
    inputs["mm_token_type_ids"] = (inputs["input_ids"] == config.image_token_id).int()
logits = lambda model: model(**inputs).logits.detach()
plain = logits(load(base))
adapted = logits(PeftModel.from_pretrained(load(base), adapter).eval())
print("largest difference of peft and merged:", (adapted - logits(load(merged))).abs().max().item())
print("the adapter moves them by:", (adapted - plain).abs().max().item())
