"""MiniCPM-V 2.6, 4.0 and 4.5 in PyTorch, from their description: transformers has no class of them.

What transformers has is used as it is: SigLIP's blocks, the places of patches in a table (vision_utils.py), and the
decoders of Qwen2, Llama and Qwen3. The resampler is written here, on torch.nn.MultiheadAttention. Tensors are named as in
published checkpoints: vpm.*, resampler.*, llm.*.
"""
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM, SiglipVisionConfig
from transformers.models.siglip.modeling_siglip import SiglipEncoder
from transformers.vision_utils import get_vision_nearest_position_ids

DECODERS = {2.6: (Qwen2Config, Qwen2ForCausalLM), 4.0: (LlamaConfig, LlamaForCausalLM), 4.5: (Qwen3Config, Qwen3ForCausalLM)}
MARKS = ["<image>", "</image>", "<slice>", "</slice>", "<image_id>", "</image_id>", "<unk>"]


class Embeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.side = config.image_size // config.patch_size
        self.patch_embedding = nn.Conv2d(3, config.hidden_size, config.patch_size, config.patch_size)
        self.position_embedding = nn.Embedding(self.side ** 2, config.hidden_size)

    def forward(self, pixels):   # [views, 3, height, width]
        patches = self.patch_embedding(pixels)
        places = get_vision_nearest_position_ids(torch.tensor([patches.shape[-2:]]), self.side)
        return patches.flatten(2).transpose(1, 2) + self.position_embedding(places)


class Encoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = SiglipEncoder(config)
        self.post_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, pixels):
        return self.post_layernorm(self.encoder(inputs_embeds=self.embeddings(pixels)).last_hidden_state)


def sines(rows, columns, width):
    """[rows · columns, width]: the column's in the first half, the row's in the second; sines, then cosines."""
    omega = 1 / 10000 ** (torch.arange(width // 4, dtype=torch.float32) / (width / 4))
    row, column = torch.meshgrid(torch.arange(rows).float(), torch.arange(columns).float(), indexing="ij")
    halves = [torch.cat([angle.sin(), angle.cos()], -1) for angle in (place[..., None] * omega for place in (column, row))]
    return torch.cat(halves, -1).reshape(rows * columns, width)


class Resampler(nn.Module):
    def __init__(self, queries, width, features):
        super().__init__()
        self.query = nn.Parameter(torch.zeros(queries, width))
        self.kv_proj = nn.Linear(features, width, bias=False)
        self.attn = nn.MultiheadAttention(width, width // 128, batch_first=True)
        self.ln_q, self.ln_kv, self.ln_post = (nn.LayerNorm(width, eps=1e-6) for _ in range(3))
        self.proj = nn.Parameter(torch.zeros(width, width))

    def forward(self, features, rows, columns):
        values = self.ln_kv(self.kv_proj(features))
        keys = values + sines(rows, columns, values.shape[-1])
        queries = self.ln_q(self.query).expand(len(features), -1, -1)
        return self.ln_post(self.attn(queries, keys, values, need_weights=False)[0]) @ self.proj


class MiniCPMV(nn.Module):
    def __init__(self, version, text, vision, queries):
        super().__init__()
        config, decoder = DECODERS[version]
        self.version, self.queries, self.text_config = version, queries, config(**text)
        self.vision_config = SiglipVisionConfig(**vision, vision_use_head=False)
        self.vision_config._attn_implementation = self.text_config._attn_implementation = "eager"
        self.llm = decoder(self.text_config)
        self.vpm = Encoder(self.vision_config)
        self.resampler = Resampler(queries, self.text_config.hidden_size, self.vision_config.hidden_size)

    def see(self, views):
        """views [n, 3, height, width] of one shape → [n, queries, width]"""
        patch = self.vision_config.patch_size
        return self.resampler(self.vpm(views), views.shape[-2] // patch, views.shape[-1] // patch)

    def embeds(self, ids, images, filler):
        """images: for each its views, the overview first. Their tokens take the fillers' places in order."""
        embeds = self.llm.get_input_embeddings()(torch.tensor(ids)).clone()
        tokens = [self.see(view[None])[0] for views in images for view in views]
        if tokens:
            embeds[torch.tensor(ids) == filler] = torch.cat(tokens)
        return embeds[None]

    def config(self):
        text, vision = self.text_config.to_dict(), self.vision_config.to_dict()
        own = dict(model_type="minicpmv", architectures=["MiniCPMV"], version=self.version, query_num=self.queries, use_image_id=True, image_size=448,
                   drop_vision_last_layer=False, batch_vision_input=True, slice_mode=True, vision_batch_size=16, patch_size=vision["patch_size"],
                   slice_config=dict(max_slice_nums=9, patch_size=vision["patch_size"], model_type="minicpmv"))
        vision.pop("vision_use_head"), vision.pop("model_type")
        return text | own | dict(vision_config=vision | dict(model_type="siglip"))


def randomise(model, seed):
    """Nothing at its initial value, everything exactly representable in bf16."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        centre = 1.0 if p.ndim == 1 and name.endswith("weight") else 0.0
        p.data = (noise * scale + centre).bfloat16().float()


def placeholder(grid, index):
    """What stands for an image of so many [rows, columns] of slices, as a list of marks, digits, line breaks and None for its tokens."""
    parts = ["<image_id>", str(index), "</image_id>", "<image>", None, "</image>"]
    rows, columns = grid
    for r in range(rows):
        parts += ["\n"] if r > 0 else []
        parts += ["<slice>", None, "</slice>"] * columns
    return parts
