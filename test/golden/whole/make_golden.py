"""Whole checkpoints, tokenizer, template and processor included, and what the reference's processor and `generate` make of chats
with images: `python make_golden.py [FAMILY…]` writes a folder a family beside itself. Reference: transformers' processors and models,
small random configs in fp32 with eager attention; the tokenizers are trained here. made-by.json records the versions.
"""
import json
import platform
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Idefics2Config, Idefics2ForConditionalGeneration, Idefics2ImageProcessor, Idefics2Processor,
    GotOcr2ImageProcessor, Idefics3Config, Idefics3ForConditionalGeneration, Idefics3ImageProcessor, Idefics3Processor, InternVLConfig,
    InternVLForConditionalGeneration, InternVLProcessor, InternVLVideoProcessor, LlamaConfig, LlamaForCausalLM, MiniCPMOcrConfig, MiniCPMOcrForConditionalGeneration,
    MiniCPMOcrImageProcessor, MiniCPMOcrProcessor, MiniCPMOcrVideoProcessor, MiniCPMV4_6Config, MiniCPMV4_6ForConditionalGeneration,
    MiniCPMV4_6ImageProcessor, MiniCPMV4_6Processor, MiniCPMV4_6VideoProcessor, PaddleOCRVLConfig, PaddleOCRVLForConditionalGeneration, PaddleOCRVLImageProcessor, PaddleOCRVLProcessor, PreTrainedTokenizerFast, Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor, Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLImageProcessor, Qwen2VLProcessor,
    Qwen2VLVideoProcessor, Qwen3_5Config, Qwen3_5ForCausalLM, Qwen3_5ForConditionalGeneration, Qwen3_5TextConfig,
    Qwen3Config, Qwen3ForCausalLM, Qwen3VLConfig, Qwen3VLForConditionalGeneration, Qwen3VLProcessor, Qwen3VLVideoProcessor, SmolVLMConfig,
    SmolVLMForConditionalGeneration, SmolVLMImageProcessor, SmolVLMProcessor, SmolVLMVideoProcessor)
from transformers.models.smolvlm import processing_smolvlm

HERE = Path(__file__).parent
WORDS = "User Assistant user assistant system : What is in this image ? Describe the picture a cat dog red blue and now compare them".split()
SPLIT = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
SMOL_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}")
QWEN_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for line in message['content'] %}"
    "{% if line['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% elif line['type'] == 'text' %}{{ line['text'] }}{% endif %}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
INTERN_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for line in message['content'] %}"
    "{% if line['type'] == 'image' %}<IMG_CONTEXT>\n{% elif line['type'] == 'text' %}{{ line['text'] }}{% endif %}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
MINICPM_TEMPLATE = QWEN_TEMPLATE.replace("<|vision_start|><|image_pad|><|vision_end|>", "<|image_pad|>\n")
MINICPM_MARKS = {name: f"<{mark}>" for name, mark in dict(
    image_start_token="image", image_end_token="/image", slice_start_token="slice", slice_end_token="/slice", image_id_start_token="image_id",
    image_id_end_token="/image_id").items()}
INTERN_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>", "<video>"]
QWEN_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
SMOL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<end_of_utterance>", "<fake_token_around_image>", "<image>", "<global-img>"] + [
    f"<row_{r}_col_{c}>" for r in range(1, 7) for c in range(1, 7)]


def chat(*turns):
    return [{"role": "user" if n % 2 == 0 else "assistant", "content": [{"type": "image"} if part is None else {"type": "text", "text": part} for part in parts]} for n, parts in enumerate(turns)]


CHATS = {
    "one image": (chat([None, "What is in this image?"]), [(75, 50)]),
    "small and tall": (chat([None, None, "compare them"]), [(30, 36), (20, 60)]),
    "a second turn": (chat(["Describe ", None], ["a red cat"], [None, "and now?"]), [(40, 40), (75, 50)]),
    "text only": (chat(["What is a dog?"]), []),
}
TEXT_CHATS = {
    "one turn": (chat(["What is a dog?"]), []),
    "a second turn": (chat(["Describe a cat"], ["a red cat"], [" and now compare them ?"]), []),
}


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([(x * 5 + y) % 256, (y * 7) % 256, (x * y) % 256], -1).astype(np.uint8))


def make_tokenizer(special, eos, **named):
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), special_tokens=special, show_progress=False)
    inner.train_from_iterator([" ".join(WORDS) + "\n\n" + "\n"] * 10, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token=eos, pad_token="<|endoftext|>", extra_special_tokens=named)


def randomise(model):
    """Nothing at its initial value, everything exactly representable in bf16."""
    generator = torch.Generator().manual_seed(5)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        centre = 1.0 if p.ndim == 1 and name.endswith("weight") else 0.0
        p.data = (noise * scale + centre).bfloat16().float()


def idefics2():
    tokenizer = make_tokenizer(SMOL_TOKENS, "<end_of_utterance>", image_token="<image>", image_boundary_token="<fake_token_around_image>", end_of_utterance_token="<end_of_utterance>")
    images = Idefics2ImageProcessor(size={"shortest_edge": 9, "longest_edge": 26}, do_image_splitting=True)
    processor = Idefics2Processor(images, tokenizer, image_seq_len=4, chat_template=SMOL_TEMPLATE)
    text = dict(model_type="mistral", vocab_size=len(tokenizer), hidden_size=64, intermediate_size=72, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                rms_norm_eps=1e-5, max_position_embeddings=2048, rope_theta=10000.0)
    vision = dict(num_hidden_layers=2, intermediate_size=56, image_size=28, patch_size=4, hidden_size=32, num_attention_heads=2)
    perceiver = dict(hidden_size=64, resampler_n_latents=4, resampler_depth=2, resampler_n_heads=4, resampler_head_dim=16, num_key_value_heads=2)
    config = Idefics2Config(text_config=text, vision_config=vision, perceiver_config=perceiver, image_token_id=tokenizer.convert_tokens_to_ids("<image>"), tie_word_embeddings=True)
    return Idefics2ForConditionalGeneration(config), processor


def idefics3_parts(images, processor, config, model):
    """Of idefics3 and smolvlm: the same but for the classes."""
    side, patch, scale = 16, 4, 2
    tokenizer = make_tokenizer(SMOL_TOKENS, "<end_of_utterance>", image_token="<image>", fake_image_token="<fake_token_around_image>", global_image_token="<global-img>", end_of_utterance_token="<end_of_utterance>")
    made = processor(images(size={"longest_edge": 4 * side}, max_image_size={"longest_edge": side}), tokenizer, image_seq_len=(side // patch // scale) ** 2, chat_template=SMOL_TEMPLATE)
    text = dict(model_type="llama", vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                rms_norm_eps=1e-5, max_position_embeddings=2048, rope_theta=100000.0, tie_word_embeddings=True)
    vision = dict(num_hidden_layers=2, intermediate_size=56, image_size=side, patch_size=patch, hidden_size=32, num_attention_heads=2)
    return model(config(text_config=text, vision_config=vision, scale_factor=scale, image_token_id=tokenizer.convert_tokens_to_ids("<image>"), tie_word_embeddings=True)), made


def idefics3():
    return idefics3_parts(Idefics3ImageProcessor, Idefics3Processor, Idefics3Config, Idefics3ForConditionalGeneration)


def smolvlm():
    processing_smolvlm.num2words = str  # an optional package, asked for videos only, which no chat here has
    videos = SmolVLMVideoProcessor(size={"longest_edge": 16}, max_image_size={"longest_edge": 16})
    return idefics3_parts(SmolVLMImageProcessor, lambda images, tokenizer, **more: SmolVLMProcessor(images, tokenizer, videos, **more), SmolVLMConfig, SmolVLMForConditionalGeneration)


def internvl():
    side, patch = 16, 4
    tokenizer = make_tokenizer(INTERN_TOKENS, "<|im_end|>", start_image_token="<img>", end_image_token="</img>", context_image_token="<IMG_CONTEXT>", video_token="<video>")
    # published files say that nothing is cut, and the joint processor cuts
    images = GotOcr2ImageProcessor(size={"height": side, "width": side}, crop_to_patches=False, min_patches=1, max_patches=6)
    processor = InternVLProcessor(images, tokenizer, InternVLVideoProcessor(size={"height": side, "width": side}), image_seq_length=4, chat_template=INTERN_TEMPLATE)
    text = dict(model_type="qwen2", vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                rms_norm_eps=1e-6, max_position_embeddings=2048, rope_parameters=dict(rope_type="default", rope_theta=1e6))
    vision = dict(num_hidden_layers=2, intermediate_size=60, image_size=[side, side], patch_size=[patch, patch], hidden_size=32, num_attention_heads=2, attention_bias=True)
    config = InternVLConfig(text_config=text, vision_config=vision, image_seq_length=4, image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"), tie_word_embeddings=True)
    return InternVLForConditionalGeneration(config), processor


def qwen_ids(tokenizer):
    names = dict(image_token_id="<|image_pad|>", video_token_id="<|video_pad|>", vision_start_token_id="<|vision_start|>", vision_end_token_id="<|vision_end|>")
    return {name: tokenizer.convert_tokens_to_ids(token) for name, token in names.items()}


def qwen_processor(kind, video, patch):
    tokenizer = make_tokenizer(QWEN_TOKENS, "<|im_end|>", image_token="<|image_pad|>", video_token="<|video_pad|>", vision_start_token="<|vision_start|>", vision_end_token="<|vision_end|>")
    sizes = dict(patch_size=patch, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 4 * (2 * patch) ** 2, "longest_edge": 12 * (2 * patch) ** 2})
    return tokenizer, kind(Qwen2VLImageProcessor(**sizes), tokenizer, video(**sizes), chat_template=QWEN_TEMPLATE)


def qwen2_text(tokenizer):
    return dict(vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-6,
                max_position_embeddings=2048, rope_parameters=dict(rope_type="default", rope_theta=1e6, mrope_section=[2, 3, 3]), tie_word_embeddings=True)


def qwen2_vl():
    tokenizer, processor = qwen_processor(Qwen2VLProcessor, Qwen2VLVideoProcessor, 4)
    vision = dict(depth=2, embed_dim=32, hidden_size=64, num_heads=2, mlp_ratio=2, patch_size=4, spatial_merge_size=2)
    config = Qwen2VLConfig(text_config=qwen2_text(tokenizer), vision_config=vision, tie_word_embeddings=True, **qwen_ids(tokenizer))
    return Qwen2VLForConditionalGeneration(config), processor


def qwen2_5_vl():
    tokenizer, processor = qwen_processor(Qwen2_5_VLProcessor, Qwen2VLVideoProcessor, 4)
    vision = dict(depth=3, hidden_size=32, out_hidden_size=64, intermediate_size=48, num_heads=2, patch_size=4, spatial_merge_size=2, window_size=16, fullatt_block_indexes=[1])
    config = Qwen2_5_VLConfig(text_config=qwen2_text(tokenizer), vision_config=vision, tie_word_embeddings=True, **qwen_ids(tokenizer))
    return Qwen2_5_VLForConditionalGeneration(config), processor


def paddleocr_vl():
    tokenizer = make_tokenizer(QWEN_TOKENS, "<|im_end|>", image_token="<|image_pad|>", video_token="<|video_pad|>")
    images = PaddleOCRVLImageProcessor(patch_size=4, merge_size=2, size={"shortest_edge": 4 * 8 ** 2, "longest_edge": 12 * 8 ** 2})
    processor = PaddleOCRVLProcessor(images, tokenizer, chat_template=QWEN_TEMPLATE)
    text = dict(vocab_size=len(tokenizer), hidden_size=64, intermediate_size=80, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-5,
                max_position_embeddings=2048, rope_parameters=dict(rope_type="default", rope_theta=5e5, mrope_section=[2, 3, 3]))
    vision = dict(num_hidden_layers=2, hidden_size=32, intermediate_size=48, num_attention_heads=2, patch_size=4, image_size=20)
    return PaddleOCRVLForConditionalGeneration(PaddleOCRVLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **qwen_ids(tokenizer))), processor


def qwen3_5():
    tokenizer, processor = qwen_processor(Qwen3VLProcessor, Qwen3VLVideoProcessor, 8)
    text = dict(vocab_size=len(tokenizer), hidden_size=48, intermediate_size=64, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=16, max_position_embeddings=2048,
                linear_key_head_dim=8, linear_value_head_dim=8, linear_num_key_heads=2, linear_num_value_heads=4, linear_conv_kernel_dim=4, tie_word_embeddings=True,
                rope_parameters=dict(rope_type="default", rope_theta=1e6, partial_rotary_factor=0.5, mrope_section=[2, 1, 1], mrope_interleaved=True))
    vision = dict(depth=2, hidden_size=32, out_hidden_size=48, intermediate_size=48, num_heads=2, patch_size=8, spatial_merge_size=2, num_position_embeddings=16)
    config = Qwen3_5Config(text_config=text, vision_config=vision, tie_word_embeddings=True, **qwen_ids(tokenizer))
    return Qwen3_5ForConditionalGeneration(config), processor


def qwen3_vl():
    tokenizer, processor = qwen_processor(Qwen3VLProcessor, Qwen3VLVideoProcessor, 8)
    text = dict(vocab_size=len(tokenizer), hidden_size=48, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=16, max_position_embeddings=2048,
                tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1e6, mrope_section=[4, 2, 2], mrope_interleaved=True))
    vision = dict(depth=3, hidden_size=32, out_hidden_size=48, intermediate_size=48, num_heads=2, patch_size=8, spatial_merge_size=2, num_position_embeddings=16, deepstack_visual_indexes=[0, 2])
    config = Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **qwen_ids(tokenizer))
    return Qwen3VLForConditionalGeneration(config), processor


def text_parts(config, model, **more):
    tokenizer = make_tokenizer(QWEN_TOKENS[:3], "<|im_end|>")
    tokenizer.chat_template = QWEN_TEMPLATE
    sizes = dict(vocab_size=len(tokenizer), hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2048, tie_word_embeddings=True)
    return model(config(**{**sizes, **more})), tokenizer


def llama():
    return text_parts(LlamaConfig, LlamaForCausalLM, hidden_size=64, rope_theta=10000.0)


def qwen3():
    return text_parts(Qwen3Config, Qwen3ForCausalLM, head_dim=16, rope_theta=1e6)


def qwen3_5_text():
    return text_parts(Qwen3_5TextConfig, Qwen3_5ForCausalLM, head_dim=16, num_hidden_layers=4, linear_key_head_dim=8, linear_value_head_dim=8, linear_num_key_heads=2, linear_num_value_heads=4,
                      rope_parameters=dict(rope_type="default", rope_theta=1e6, partial_rotary_factor=0.5, mrope_section=[2, 1, 1], mrope_interleaved=True))


def minicpm(config_class, model_class, processor_class, image_class, video_class, **sizes):
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|image_pad|>", "<|video_pad|>", *MINICPM_MARKS.values()]
    tokenizer = make_tokenizer(special, "<|im_end|>", image_token="<|image_pad|>", video_token="<|video_pad|>", **MINICPM_MARKS)
    processor = processor_class(image_class(patch_size=4, **sizes), video_class(patch_size=4, **sizes), tokenizer, chat_template=MINICPM_TEMPLATE)
    text = dict(model_type="qwen3_5_text", vocab_size=len(tokenizer), hidden_size=48, intermediate_size=64, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
                head_dim=16, max_position_embeddings=2048, linear_key_head_dim=8, linear_value_head_dim=8, linear_num_key_heads=3, linear_num_value_heads=3,
                rope_parameters=dict(rope_type="default", rope_theta=1e6, partial_rotary_factor=0.5))
    vision = dict(num_hidden_layers=3, hidden_size=32, intermediate_size=48, num_attention_heads=2, patch_size=4, image_size=28)
    ids = dict(image_token_id=tokenizer.convert_tokens_to_ids("<|image_pad|>"), video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"))
    config = config_class(text_config=text, vision_config=vision, insert_layer_id=1, tie_word_embeddings=True, **ids)
    return model_class(config), processor


def minicpmv4_6():
    return minicpm(MiniCPMV4_6Config, MiniCPMV4_6ForConditionalGeneration, MiniCPMV4_6Processor, MiniCPMV4_6ImageProcessor, MiniCPMV4_6VideoProcessor,
                   scale_resolution=32, max_slice_nums=4)


def minicpm_ocr():
    return minicpm(MiniCPMOcrConfig, MiniCPMOcrForConditionalGeneration, MiniCPMOcrProcessor, MiniCPMOcrImageProcessor, MiniCPMOcrVideoProcessor,
                   scale_resolution=24, max_slice_nums=6)


@torch.no_grad()
def make(name, family):
    model, processor = family()
    tokenizer = getattr(processor, "tokenizer", processor)
    chats = TEXT_CHATS if tokenizer is processor else CHATS
    model = model.eval()
    model.set_attn_implementation("eager")
    randomise(model)
    model.tie_weights()
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    processor.save_pretrained(folder)
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    state = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items() if k != "lm_head.weight"}
    if name == "llama":
        torch.save(state, folder / "pytorch_model.bin")  # one in the older format
    else:
        save_file(state, folder / "model.safetensors", {"format": "pt"})
    answers = []
    for title, (messages, sizes) in chats.items():
        prompt = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        images = [picture(*size) for size in sizes]
        nested = [images] if name in ("idefics2", "idefics3", "smolvlm") else images
        given = {} if tokenizer is processor else {"images": nested if images else None}
        inputs = processor(text=[prompt], **given, return_tensors="pt")
        out = model.generate(**inputs, do_sample=False, max_new_tokens=24, eos_token_id=[], pad_token_id=tokenizer.pad_token_id, output_logits=True, return_dict_in_generate=True)
        top = torch.stack(out.logits)[:, 0].topk(2).values
        ids = inputs["input_ids"][0].tolist()
        answers.append({"name": title, "messages": messages, "sizes": sizes, "promptIds": ids, "greedyIds": out.sequences[0, len(ids):].tolist(),
                        "margins": [round(m, 3) for m in (top[:, 0] - top[:, 1]).tolist()]})
    (folder / "answers.json").write_text(json.dumps(answers) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)


for each in (idefics2, idefics3, internvl, llama, minicpm_ocr, minicpmv4_6, paddleocr_vl, qwen2_vl, qwen2_5_vl, qwen3, qwen3_5, qwen3_5_text, qwen3_vl, smolvlm):
    if each.__name__ in sys.argv[1:] or len(sys.argv) == 1:
        make(each.__name__, each)
versions = {"command": "python make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")
