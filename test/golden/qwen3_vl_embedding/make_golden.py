"""Golden vectors and scores in the way of Qwen3-VL-Embedding and Qwen3-VL-Reranker: `python make_golden.py` writes a checkpoint,
whole with tokenizer and processor, and vectors.json beside itself.

Reference: transformers' Qwen3VLForConditionalGeneration and Qwen3VLProcessor, a small random config in fp32 with eager
attention. A vector is the last token's of Qwen3VLModel's last_hidden_state, of length one; a score the sigmoid of the last
row of lm_head for "yes" less that for "no". Prompts are written here as the published code writes its conversations
(instruction as the system's turn, image before text), and read by the processor, which also adds what the tokenizer's
post-processor puts behind a text. Images have sides of whole blocks, so that none is resized. made-by.json: versions.
"""
import json
import platform
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, Qwen2VLImageProcessor, Qwen3VLConfig, Qwen3VLForConditionalGeneration, Qwen3VLProcessor, Qwen3VLVideoProcessor

HERE = Path(__file__).parent
WORDS = "system user assistant Represent the user's input . Judge whether the Document meets a red blue dress shirt with stripes query".split()
SPLIT = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for line in message['content'] %}"
    "{% if line['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% elif line['type'] == 'text' %}{{ line['text'] }}{% endif %}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
PATCH = 8
EMBEDDED = [
    dict(text="a red dress"), dict(image=[96, 64]), dict(text="with stripes", image=[64, 80]), dict(text="a red dress", instruction="Retrieve what is relevant to the query"),
    dict(text="连衣裙", instruction=" 这是什么？ "), dict(text="a blue shirt")]
RANKED = [
    dict(query=dict(text="a red dress"), documents=[dict(text="a blue shirt"), dict(image=[96, 64]), dict(text="with stripes", image=[64, 80]), dict()]),
    dict(query=dict(image=[64, 80]), documents=[dict(text="a red dress")], instruction="Find the words")]


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([(x * 5 + y) % 256, (y * 7) % 256, (x * y) % 256], -1).astype(np.uint8))


def make_processor():
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), special_tokens=TOKENS, show_progress=False)
    inner.train_from_iterator(["yes", "no"] * 50 + [" ".join(WORDS)] * 10, trainer)
    end = inner.token_to_id("<|endoftext|>")
    inner.post_processor = processors.TemplateProcessing(single="$A <|endoftext|>", pair="$A $B <|endoftext|>", special_tokens=[("<|endoftext|>", end)])
    named = dict(image_token="<|image_pad|>", video_token="<|video_pad|>", vision_start_token="<|vision_start|>", vision_end_token="<|vision_end|>")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|im_end|>", pad_token="<|endoftext|>", extra_special_tokens=named)
    sizes = dict(patch_size=PATCH, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 256, "longest_edge": 4096})   # not what counts
    return Qwen3VLProcessor(Qwen2VLImageProcessor(**sizes), tokenizer, Qwen3VLVideoProcessor(**sizes), chat_template=TEMPLATE)


def make_config(tokenizer):
    ids = {f"{name}_token_id": tokenizer.convert_tokens_to_ids(token) for name, token in
           dict(image="<|image_pad|>", video="<|video_pad|>", vision_start="<|vision_start|>", vision_end="<|vision_end|>").items()}
    text = dict(vocab_size=len(tokenizer), hidden_size=48, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
                max_position_embeddings=2048, rope_parameters=dict(rope_type="default", rope_theta=1e6, mrope_section=[4, 2, 2], mrope_interleaved=True))
    vision = dict(depth=3, hidden_size=32, out_hidden_size=48, intermediate_size=48, num_heads=2, patch_size=PATCH, spatial_merge_size=2, num_position_embeddings=16,
                  deepstack_visual_indexes=[0, 1])
    return Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **ids)


def randomise(model):
    generator = torch.Generator().manual_seed(5)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        centre = 1.0 if p.ndim == 1 and name.endswith("weight") else 0.0
        p.data = (noise * scale + centre).bfloat16().float()


def parts(item):
    image = [{"type": "image"}] if "image" in item else []
    return image + ([{"type": "text", "text": item["text"]}] if item.get("text") else [])


def images_of(*items):
    return [picture(*item["image"]) for item in items if "image" in item] or None


def last(model, processor, content, system, images):
    messages = [{"role": "system", "content": [{"type": "text", "text": system}]}, {"role": "user", "content": content}]
    text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    inputs = processor(text=[text], images=images, return_tensors="pt", do_resize=False)
    hidden = model.model(**inputs).last_hidden_state[0, -1]
    return inputs["input_ids"][0].tolist(), hidden


@torch.no_grad()
def main():
    processor = make_processor()
    model = Qwen3VLForConditionalGeneration(make_config(processor.tokenizer)).eval()
    model.set_attn_implementation("eager")
    randomise(model)
    model.tie_weights()
    folder = HERE / "checkpoint"
    folder.mkdir(exist_ok=True)
    processor.save_pretrained(folder)
    model.config.save_pretrained(folder)
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
               {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
               {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
    (folder / "modules.json").write_text(json.dumps(modules) + "\n")
    save_file({k: v.bfloat16().contiguous() for k, v in model.state_dict().items() if k != "lm_head.weight"}, folder / "model.safetensors", {"format": "pt"})
    embedded = []
    for item in EMBEDDED:
        system = item.get("instruction", "Represent the user's input.").strip()
        system += "" if system[-1] in ".？" else "."
        ids, hidden = last(model, processor, parts(item), system, images_of(item))
        embedded.append(dict(item, ids=ids, vector=torch.nn.functional.normalize(hidden, dim=0).tolist()))
    yes, no = (processor.tokenizer.get_vocab()[word] for word in ("yes", "no"))
    head = model.lm_head.weight[yes] - model.lm_head.weight[no]
    system = 'Judge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".'
    ranked = []
    for case in RANKED:
        scores = []
        for document in case["documents"]:
            text = lambda value: [{"type": "text", "text": value}]
            instruction = case.get("instruction", "Given a search query, retrieve relevant candidates that answer the query.")
            content = (text("<Instruct>: " + instruction) + text("<Query>:") + parts(case["query"]) + text("\n<Document>:") + (parts(document) or text("NULL")))
            _, hidden = last(model, processor, content, system, images_of(case["query"], document))
            scores.append(torch.sigmoid(hidden @ head).item())
        ranked.append(dict(case, scores=scores))
    (HERE / "vectors.json").write_text(json.dumps(dict(embedded=embedded, ranked=ranked)) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)


main()
versions = {"command": "python make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=1) + "\n")
