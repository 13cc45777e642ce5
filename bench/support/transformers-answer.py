"""One answer by Hugging Face transformers in bf16 on the CPU, timed: `python transformers-answer.py CHECKPOINT THREADS TOKENS PICTURE…`

Every picture is asked about in turn; the last one's figures are printed as one line of JSON, the ones before it warm up.
The checkpoint is one of `npm run random-checkpoint`: it has a tokenizer, a chat template and no processor's config.
"""
import json
import resource
import sys
import time

import torch
from PIL import Image
from tokenizers import Tokenizer
from transformers import Qwen3VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.generation.streamers import BaseStreamer

checkpoint, threads, num_tokens, *pictures = sys.argv[1:]
threads, num_tokens = int(threads), int(num_tokens)
torch.set_num_threads(threads)


class Clock(BaseStreamer):
    """When each token came; `generate` hands over the prompt first."""

    def __init__(self):
        self.times = []

    def put(self, _):
        self.times.append(time.perf_counter())

    def end(self):
        pass


def prepare(picture):
    """The same prompt as ours: the plain chat template around one picture and a question."""
    image = Image.open(picture).convert("RGB")
    pixels = processor(images=[image], return_tensors="pt")
    pads = int(pixels["image_grid_thw"].prod()) // 4
    text = "<|im_start|>user\n<|vision_start|>" + "<|image_pad|>" * pads + "<|vision_end|>?<|im_end|>\n<|im_start|>assistant\n"
    ids = torch.tensor([tokenizer.encode(text, add_special_tokens=False).ids])
    return dict(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=pixels["pixel_values"].bfloat16(),
                image_grid_thw=pixels["image_grid_thw"], mm_token_type_ids=(ids == model.config.image_token_id).long())


def answer(picture):
    clock, started = Clock(), time.perf_counter()
    inputs = prepare(picture)
    model.generate(**inputs, do_sample=False, use_cache=True, max_new_tokens=num_tokens, min_new_tokens=num_tokens,
                   eos_token_id=None, pad_token_id=0, streamer=clock)
    _, first, *rest = clock.times
    return dict(promptTokens=inputs["input_ids"].shape[1], firstTokenMs=(first - started) * 1e3,
                tokensPerSecond=len(rest) / (rest[-1] - first))


opening = time.perf_counter()
tokenizer = Tokenizer.from_file(f"{checkpoint}/tokenizer.json")
processor = Qwen2VLImageProcessorPil(patch_size=16, merge_size=2, temporal_patch_size=2, image_mean=[.5] * 3, image_std=[.5] * 3,
                                     size={"shortest_edge": 256 * 256, "longest_edge": 4096 * 4096})
model = Qwen3VLForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.bfloat16, attn_implementation="sdpa").eval()
open_ms = (time.perf_counter() - opening) * 1e3
with torch.inference_mode():
    for picture in pictures:
        figures = answer(picture)
figures |= dict(openMs=open_ms, peakBytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
print(json.dumps(figures))
