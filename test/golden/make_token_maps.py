"""Where the last tokens of a prompt look in images that are cut into tiles or slices: `python test/golden/make_token_maps.py`.

Writes token_maps.safetensors beside the fixtures below: maps.I [tokens, rows, columns] of image I, for each of the prompt's last
three tokens what the token before it attends to, mean over the heads and the layers that attend, by transformers in eager
attention in fp32 over the fixture's visual tokens. Tiles and slices lie side by side as the processor cut them; the whole,
behind tiles and before slices, is repeated to a grid that both divide, and its share is spread evenly over what it covers.
"""
import math
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, __version__

HERE = Path(__file__).parent
COUNT = 3
CASES = ["idefics3/split", "internvl/qwen2-two-images", "minicpmv4_6/ocr-sliced"]


def spread(whole, rows, columns):
    """[r, c] → [rows, columns] of the same sum."""
    r, c = whole.shape
    fine = torch.kron(whole, torch.ones(rows, columns)) / (rows * columns)          # [r · rows, c · columns]
    return fine.reshape(rows, r, columns, c).sum((1, 3))


def side_by_side(parts):
    """[down, across, r, c] → [down · r, across · c]"""
    down, across, r, c = parts.shape
    return parts.permute(0, 2, 1, 3).reshape(down * r, across * c)


def tiled(seen, down, across, side):
    if down * across == 1:
        return seen.reshape(side, side)
    tiles, whole = seen.split([down * across * side ** 2, side ** 2])
    cells = side_by_side(tiles.reshape(down, across, side, side))
    return cells + spread(whole.reshape(side, side), *cells.shape)


def sliced(seen, down, across, overview, part):
    whole, slices = seen.split([math.prod(overview), down * across * math.prod(part)])
    cells = side_by_side(slices.reshape(down, across, *part))
    return cells + spread(whole.reshape(overview), *cells.shape)


def images_of(fixture):
    """Of each image how many tokens it has, and the map that they make."""
    tokens = fixture["visual_tokens"]
    if "view_grids" in fixture:
        for down, across, *views in fixture["view_grids"].tolist():
            patches = views[0] * views[1] + down * across * views[2] * views[3]
            merge = math.isqrt(patches // len(tokens))                              # of one image in the fixture
            views = [side // merge for side in views]
            yield len(tokens), lambda seen: sliced(seen, down, across, views[:2], views[2:])
        return
    side = math.isqrt(tokens.shape[1])
    for down, across in fixture["tile_grids"].clamp(min=1).tolist():
        count = down * across + (down * across > 1)
        yield count * side ** 2, lambda seen, down=down, across=across: tiled(seen, down, across, side)


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    for case in CASES:
        folder = HERE / case
        fixture = load_file(folder / "fixture.safetensors")
        model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        ids = fixture["input_ids"]
        places = (ids == model.config.image_token_id).nonzero()[:, 0]
        embeds = model.get_input_embeddings()(ids)
        embeds[places] = fixture["visual_tokens"].reshape(len(places), -1)
        text = getattr(model.model, "text_model", None) or model.model.language_model
        layers = text(inputs_embeds=embeds[None], output_attentions=True, use_cache=False).attentions
        looked = torch.stack([layer[0].mean(0) for layer in layers if layer is not None]).mean(0)[-COUNT - 1:-1]
        maps, first = {}, 0
        for image, (count, map_of) in enumerate(images_of(fixture)):
            own = places[first:first + count]
            maps[f"maps.{image}"] = torch.stack([map_of(row[own]) for row in looked]).contiguous()
            first += count
        assert first == len(places)
        versions = {"torch": torch.__version__.split("+")[0], "transformers": __version__}
        save_file(maps, folder / "token_maps.safetensors", {"made_by": "make_token_maps.py", **versions})
        print(case, {name: tuple(each.shape) for name, each in maps.items()})


main()
