"""A whole checkpoint of minicpmv 4.5, tokenizer, template and processor config included, and what the reference makes of chats with
images: `python make_whole.py` writes ../whole/minicpmv/.

Reference: reference.py beside this; slices are cut by transformers' MiniCPMV4_6ImageProcessor (patches of 2 and "4x": sides are
multiples of 4); the text around images is written as MiniCPM-V's own `chat` does, each part of a message on a line of its own.
"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
from transformers.models.minicpmv4_6.image_processing_minicpmv4_6 import MiniCPMV4_6ImageProcessor

from reference import MARKS, MiniCPMV, placeholder, randomise

HERE = Path(__file__).parent
FOLDER = HERE.parent / "whole" / "minicpmv"
MARK, PATCH, SCALE, SLICES, QUERIES = "(<image>./</image>)", 4, 24, 6, 4
WORDS = "User Assistant user assistant system : What is in this image ? Describe the picture a cat dog red blue and now compare them 0 1".split()
SPLIT = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}")
CHATS = {
    "one image": ([[None, "What is in this image?"]], [(75, 50)]),
    "small and tall": ([[None, None, "compare them"]], [(20, 24), (20, 60)]),
    "a second turn": ([["Describe ", None], ["a red cat"], [None, "and now?"]], [(40, 40), (75, 50)]),
    "text only": ([["What is a dog?"]], []),
}


def picture(width, height):
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([(x * 5 + y) % 256, (y * 7) % 256, (x * y) % 256]).to(torch.uint8)


def views_of(size):
    """The grid of slices, and the overview and slices as planes."""
    out = MiniCPMV4_6ImageProcessor(patch_size=PATCH // 2, downsample_mode="4x", max_slice_nums=SLICES, scale_resolution=SCALE)([picture(*size)], return_tensors="pt")
    rows = out["pixel_values"][0].reshape(3, PATCH // 2, -1, PATCH // 2)
    views, at = [], 0
    for r, c in out["target_sizes"].tolist():
        view = rows[:, :, at:at + r * c].reshape(3, PATCH // 2, r, c, PATCH // 2).permute(0, 2, 1, 3, 4)
        views.append(view.reshape(3, r * PATCH // 2, c * PATCH // 2))
        at += r * c
    return out["grids"][0], views


def make_tokenizer():
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *MARKS]
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), special_tokens=special, show_progress=False)
    inner.train_from_iterator([" ".join(WORDS) + "\n\n" + "\n"] * 10, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|im_end|>", pad_token="<|endoftext|>", unk_token="<unk>", chat_template=TEMPLATE)


@torch.no_grad()
def make():
    tokenizer = make_tokenizer()
    text = dict(vocab_size=len(tokenizer), hidden_size=128, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
                rms_norm_eps=1e-6, max_position_embeddings=2048, rope_theta=1e6, tie_word_embeddings=False, eos_token_id=tokenizer.eos_token_id)
    vision = dict(num_hidden_layers=2, intermediate_size=56, image_size=32, patch_size=PATCH, hidden_size=32, num_attention_heads=2)
    model = MiniCPMV(4.5, text, vision, QUERIES).eval()
    randomise(model, 5)
    FOLDER.mkdir(exist_ok=True)
    tokenizer.save_pretrained(FOLDER)
    (FOLDER / "config.json").write_text(json.dumps(model.config(), indent=1, default=str) + "\n")
    (FOLDER / "generation_config.json").write_text(json.dumps(dict(eos_token_id=tokenizer.eos_token_id, do_sample=False)) + "\n")
    (FOLDER / "preprocessor_config.json").write_text(json.dumps(dict(
        image_processor_type="MiniCPMVImageProcessor", feature_extractor_type="MiniCPMVFeatureExtractor", max_slice_nums=SLICES, scale_resolution=SCALE, patch_size=PATCH,
        use_image_id=True, image_feature_size=QUERIES, im_start="<image>", im_end="</image>", slice_start="<slice>", slice_end="</slice>", unk="<unk>",
        im_id_start="<image_id>", im_id_end="</image_id>", slice_mode=True, norm_mean=[0.5] * 3, norm_std=[0.5] * 3, version=4.5), indent=1) + "\n")
    save_file({k: v.bfloat16().contiguous() for k, v in model.state_dict().items()}, FOLDER / "model.safetensors", {"format": "pt"})
    answers, filler = [], tokenizer.convert_tokens_to_ids("<unk>")
    for title, (turns, sizes) in CHATS.items():
        roles = ["user" if n % 2 == 0 else "assistant" for n in range(len(turns))]
        plain = [{"role": role, "content": "\n".join(MARK if part is None else part for part in parts)} for role, parts in zip(roles, turns)]
        seen = [views_of(size) for size in sizes]
        prompt = tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=True, **({"enable_thinking": False} if sizes else {}))
        pieces = prompt.split(MARK)
        whole = pieces[0] + "".join("".join("<unk>" * QUERIES if part is None else part for part in placeholder(grid, i)) + piece for i, ((grid, _), piece) in enumerate(zip(seen, pieces[1:])))
        ids = tokenizer(whole)["input_ids"]
        embeds = model.embeds(ids, [views for _, views in seen], filler)
        out = model.llm.generate(inputs_embeds=embeds, attention_mask=torch.ones(embeds.shape[:2]), do_sample=False, max_new_tokens=24, eos_token_id=[],
                                 pad_token_id=0, output_logits=True, return_dict_in_generate=True)
        top = torch.stack(out.logits)[:, 0].topk(2).values
        messages = [{"role": role, "content": [{"type": "image"} if part is None else {"type": "text", "text": part} for part in parts]} for role, parts in zip(roles, turns)]
        answers.append({"name": title, "messages": messages, "sizes": sizes, "promptIds": ids, "greedyIds": out.sequences[0].tolist(),
                        "margins": [round(m, 3) for m in (top[:, 0] - top[:, 1]).tolist()]})
    (FOLDER / "answers.json").write_text(json.dumps(answers) + "\n")
    for file in FOLDER.iterdir():
        file.chmod(0o644)


make()
