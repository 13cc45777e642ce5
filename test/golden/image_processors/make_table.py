"""What transformers makes of image-processor files, for image-processor.test.ts: table.json and pixels.json beside this file.

Reference: AutoImageProcessor, which takes the class that the file names, with the torchvision backend (the default since
transformers 5), and AutoVideoProcessor's class for qwen3_vl. Each case is a folder of JSON files; recorded are the values
that take part, or that the reference cannot use the file, and to which sizes it brings 200 sizes of images. pixels.json
holds what it makes of images of noise, as codes of 0 to 255.

Run: python make_table.py [pixels]      (versions are written into the files; no network; "pixels": that file alone)
"""
import base64, json, os, pathlib, sys, tempfile, warnings
os.environ["HF_HUB_OFFLINE"] = "1"
warnings.simplefilter("ignore")
import numpy as np, PIL, torch, torchvision, transformers
from transformers import AutoImageProcessor
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor
transformers.logging.set_verbosity_error()

HERE = pathlib.Path(__file__).parent
CONFIGS = {
    "clip": {"model_type": "clip", "vision_config": {"image_size": 32, "patch_size": 8}},
    "vit": {"model_type": "vit", "image_size": 32, "patch_size": 8},
    "qwen3_vl": {"model_type": "qwen3_vl"},
}
HALF, CLIP_MEAN, CLIP_STD = [0.5] * 3, [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
v4 = {"do_normalize": True, "do_rescale": True, "do_resize": True, "rescale_factor": 0.00392156862745098}
clip_v4 = {**v4, "crop_size": {"height": 32, "width": 32}, "do_center_crop": True, "do_convert_rgb": True, "image_mean": CLIP_MEAN, "image_std": CLIP_STD,
           "image_processor_type": "CLIPImageProcessor", "resample": 3, "size": {"shortest_edge": 32}}
clip_v5 = {**clip_v4, "image_processor_type": "CLIPImageProcessor", "default_to_square": False, "data_format": "channels_first"}
vit_v4 = {**v4, "image_mean": HALF, "image_std": HALF, "image_processor_type": "ViTImageProcessor", "resample": 2, "size": {"height": 32, "width": 32}}
qwen_v4 = {"size": {"longest_edge": 16777216, "shortest_edge": 65536}, "patch_size": 16, "temporal_patch_size": 2, "merge_size": 2,
           "image_mean": HALF, "image_std": HALF, "processor_class": "Qwen3VLProcessor", "image_processor_type": "Qwen2VLImageProcessorFast"}
qwen_v5 = {**qwen_v4, **v4, "do_convert_rgb": True, "default_to_square": False, "resample": 3, "data_format": "channels_first",
           "image_processor_type": "Qwen2VLImageProcessor", "disable_grouping": None}
def flat(json): return {"preprocessor_config.json": json}
def nested(json, **beside): return {"processor_config.json": {"processor_class": "P", "image_processor": json, **beside}}
def but(json, *without, **change): return {k: v for k, v in {**json, **change}.items() if k not in without}

CASES = [
    # clip: published forms
    ("clip", flat({"crop_size": 32, "do_center_crop": True, "do_normalize": True, "do_resize": True, "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": CLIP_MEAN, "image_std": CLIP_STD, "resample": 3, "size": 32})),
    ("clip", flat(clip_v4)), ("clip", flat(clip_v5)), ("clip", nested(clip_v5)), ("clip", flat(but(clip_v4, image_processor_type="CLIPImageProcessorFast"))),
    ("clip", flat(but(clip_v4, image_processor_type="CLIPImageProcessorPil"))),
    ("clip", flat(but(clip_v4, "image_processor_type", feature_extractor_type="CLIPFeatureExtractor"))), ("clip", flat(but(clip_v4, "image_processor_type"))),
    ("clip", {**flat(but(clip_v4, image_mean=HALF)), **nested(but(clip_v4, image_std=HALF))}), ("clip", {**flat(clip_v4), "processor_config.json": {"processor_class": "CLIPProcessor"}}),
    ("clip", flat(but(clip_v4, size={"shortest_edge": 40}))), ("clip", flat(but(clip_v4, size={"height": 32, "width": 32}))), ("clip", flat(but(clip_v4, size={"height": 40, "width": 36}))),
    ("clip", flat(but(clip_v4, crop_size=32, size=40))), ("clip", flat(but(clip_v4, size=40, default_to_square=True))), ("clip", flat(but(clip_v4, crop_size=[32, 32]))),
    ("clip", flat(but(clip_v4, "image_mean", "image_std"))), ("clip", flat(but(clip_v4, resample=2))), ("clip", flat(but(clip_v4, "resample"))), ("clip", flat(but(clip_v4, resample=None))),
    ("clip", flat(but(clip_v4, rescale_factor=1 / 127.5))), ("clip", flat(but(clip_v4, do_normalize=False))), ("clip", flat(but(clip_v4, do_rescale=False))),
    ("clip", flat(but(clip_v4, do_rescale=False, do_normalize=False))), ("clip", flat(but(clip_v4, image_mean=0.5, image_std=0.25))),
    ("clip", flat(but(clip_v4, do_convert_rgb=None))), ("clip", flat(but(clip_v4, use_square_size=False))), ("clip", flat(but(clip_v4, image_processor_type="ViTImageProcessor", size=32))),
    ("clip", flat(but(clip_v4, do_center_crop=False, size={"height": 32, "width": 32}))), ("clip", flat(but(clip_v4, _valid_processor_keys=["images", "do_resize"]))),
    ("clip", flat(but(clip_v4, do_pad=False, pad_size=None))), ("clip", flat(but(clip_v4, "size", "crop_size", do_resize=True))),
    ("clip", flat(but(clip_v4, size={"shortest_edge": 32, "longest_edge": 64}))), ("clip", flat(but(clip_v4, size={"longest_edge": 32}))), ("clip", flat(but(clip_v4, size={"max_height": 32, "max_width": 32}))),
    ("clip", flat(but(clip_v4, crop_size={"shortest_edge": 32}))), ("clip", flat(but(clip_v4, do_resize=False))), ("clip", flat(but(clip_v4, resample=1))),
    ("clip", flat(but(clip_v4, do_center_crop=False))), ("clip", flat(but(clip_v4, size={"shortest_edge": 24}))), ("clip", flat(but(clip_v4, do_pad=True))), ("clip", flat(but(clip_v4, use_square_size=True))),
    # vit
    ("vit", flat({"do_normalize": True, "do_resize": True, "feature_extractor_type": "ViTFeatureExtractor", "image_mean": HALF, "image_std": HALF, "resample": 2, "size": 32})),
    ("vit", flat(vit_v4)), ("vit", nested(vit_v4)), ("vit", flat(but(vit_v4, image_processor_type="ViTImageProcessorFast"))), ("vit", flat(but(vit_v4, size=32))),
    ("vit", flat(but(vit_v4, resample=3))), ("vit", flat(but(vit_v4, "resample"))), ("vit", flat(but(vit_v4, "image_mean", "image_std"))), ("vit", flat(but(vit_v4, do_convert_rgb=True))),
    ("vit", flat(but(vit_v4, size=[32, 32]))), ("vit", flat(but(vit_v4, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225], rescale_factor=1 / 255))),
    ("vit", flat(but(vit_v4, do_normalize=False))), ("vit", flat(but(vit_v4, "size"))), ("vit", flat(but(vit_v4, size={"shortest_edge": 32}, do_center_crop=True, crop_size=32))),
    ("vit", flat(but(vit_v4, size={"height": 36, "width": 40}, do_center_crop=True, crop_size={"height": 32, "width": 32}))), ("vit", flat(but(vit_v4, size={"shortest_edge": 32}))),
    ("vit", flat(but(vit_v4, do_center_crop=True))), ("vit", flat(but(vit_v4, size={"height": 48, "width": 48}))), ("vit", flat(but(vit_v4, do_resize=False))), ("vit", flat(but(vit_v4, image_processor_type="CLIPImageProcessor"))),
    # qwen3_vl
    ("qwen3_vl", flat(qwen_v4)), ("qwen3_vl", flat(qwen_v5)), ("qwen3_vl", nested(qwen_v5)), ("qwen3_vl", flat(but(qwen_v4, "image_processor_type"))),
    ("qwen3_vl", flat(but(qwen_v4, "size", min_pixels=65536, max_pixels=1048576))), ("qwen3_vl", flat(but(qwen_v4, min_pixels=4096, max_pixels=200704))),
    ("qwen3_vl", flat(but(qwen_v4, min_pixels=4096))), ("qwen3_vl", flat(but(qwen_v4, "size", max_pixels=65536))), ("qwen3_vl", flat(but(qwen_v4, "size"))),
    ("qwen3_vl", flat(but(qwen_v4, min_pixels=None, max_pixels=None))), ("qwen3_vl", flat(but(qwen_v4, size=None, max_pixels=65536))), ("qwen3_vl", flat(but(qwen_v4, "image_mean", "image_std"))),
    ("qwen3_vl", flat(but(qwen_v4, resample=2))), ("qwen3_vl", flat(but(qwen_v4, do_normalize=False))), ("qwen3_vl", flat(but(qwen_v4, rescale_factor=1 / 127.5))),
    ("qwen3_vl", flat(but(qwen_v4, size={"shortest_edge": 4096, "longest_edge": 65536, "min_pixels": 9, "max_pixels": 10}))),
    ("qwen3_vl", flat(but(qwen_v4, size={"min_pixels": 4096, "max_pixels": 65536}))), ("qwen3_vl", flat(but(qwen_v4, size={"shortest_edge": 4096}))), ("qwen3_vl", flat(but(qwen_v4, size=224))),
    ("qwen3_vl", flat(but(qwen_v4, size={"longest_edge": 65536}, min_pixels=4096))),
]
SIZES = [(1 + (i * 7919) % 397, 1 + (i * 104729) % 389) for i in range(200)]  # width, height: up and down, odd ratios

def open_case(family, files):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {"config.json": CONFIGS[family], **files}.items():
            pathlib.Path(folder, name).write_text(json.dumps(content))
        return AutoImageProcessor.from_pretrained(folder)

def plain(x): return dict(x) if isinstance(x, transformers.image_utils.SizeDict) else list(x) if isinstance(x, tuple) else int(x) if isinstance(x, transformers.image_utils.PILImageResampling) else x

def steps(p, image):
    """Resized (and cut), in 8 bits."""
    if "Qwen" in type(p).__name__:
        return p.resize(image, size=p.size, resample=p.resample, factor=p.patch_size * p.merge_size)
    out = p.resize(image, size=p.size, resample=p.resample) if p.do_resize else image
    return p.center_crop(out, p.crop_size) if p.do_center_crop else out

def effective(p):
    names = ["do_resize", "size", "resample", "do_center_crop", "crop_size", "do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std", "do_pad"]
    return {"class": type(p).__name__, **{n: plain(getattr(p, n, None)) for n in names}}

def record(family, files):
    case = {"family": family, "files": files}
    try:
        p = open_case(family, files)
        case["effective"] = effective(p)
        sizes = []
        for w, h in SIZES:
            if max(w, h) > 200 * min(w, h): sizes.append(None); continue
            try: sizes.append(list(steps(p, torch.zeros(1, 3, h, w, dtype=torch.uint8)).shape[:-3:-1]))
            except ValueError as e: raise ValueError(f"{w}x{h}: {e}")
        case["sizes"] = sizes[0] if all(s == sizes[0] or s is None for s in sizes) else sizes
        p(images=torch.zeros(3, 40, 60, dtype=torch.uint8), return_tensors="pt")
    except Exception as e:
        case["unusable"] = f"{type(e).__name__}: {str(e)[:120]}"; case.pop("sizes", None)
    return case

def noise(seed, w, h):
    i = np.arange(w * h * 3, dtype=np.uint64)
    x = (((i + seed * 7919) * 2654435761) % 2**32) >> 24
    if seed % 2: x = np.where(x > 127, 255, 0)  # black and white: what overshoots is clipped, so the order of axes shows
    return torch.from_numpy(x.astype(np.uint8).reshape(h, w, 3)).permute(2, 0, 1)

PIXELS = [("clip", flat(clip_v4)), ("clip", flat(but(clip_v4, resample=2, size=40))), ("vit", flat(vit_v4)), ("vit", flat(but(vit_v4, resample=3))),
          ("qwen3_vl", flat(but(qwen_v4, size={"shortest_edge": 1024, "longest_edge": 4096}))), ("qwen3_vl", flat(but(qwen_v4, resample=2, size={"shortest_edge": 1024, "longest_edge": 4096})))]
STRIDE = 5  # of the values that are kept
SHAPES = [(9, 7), (31, 33), (64, 64), (200, 37), (41, 300), (257, 255), (32, 32), (90, 61), (60, 24), (20, 60), (8, 8), (30, 80)]

def pixels(family, files):
    p = open_case(family, files)
    images = []
    for seed, (w, h) in enumerate(SHAPES):
        values = p(images=noise(seed, w, h), return_tensors="pt")["pixel_values"]
        mean, std = torch.tensor(p.image_mean), torch.tensor(p.image_std)
        shape = (1, 3, 1) if values.ndim == 2 else (1, 3, 1, 1)
        planes = values.reshape(values.shape[0], 3, -1) if values.ndim == 2 else values
        codes = ((planes * std.view(shape) + mean.view(shape)) * 255).round().clamp(0, 255).to(torch.uint8)
        images.append({"seed": seed, "size": [w, h], "shape": list(values.shape), "codes": base64.b64encode(codes.contiguous().numpy().reshape(-1)[::STRIDE].tobytes()).decode(), "sum": float(values.double().sum())})
    return {"family": family, "files": files, "images": images}

versions = {"transformers": transformers.__version__, "torch": torch.__version__, "torchvision": torchvision.__version__, "numpy": np.__version__, "pillow": PIL.__version__}
VIDEOS = [{}, {"cap_pixels_per_frame": True}, {"min_pixels": 4096, "max_pixels": 65536}, {"size": {"shortest_edge": 4096, "longest_edge": 65536}, "min_pixels": 1024}]

def video(file):
    p = Qwen3VLVideoProcessor(**file)
    return {"file": file, "size": plain(p.size), "image_mean": plain(p.image_mean), "cap": p.cap_pixels_per_frame, "max_video_tokens": p.max_video_tokens}

if "pixels" not in sys.argv:
    with open(HERE / "table.json", "w") as f: json.dump({"made_by": "make_table.py", "versions": versions, "input_sizes": SIZES, "cases": [record(*c) for c in CASES], "videos": [video(c) for c in VIDEOS]}, f)
with open(HERE / "pixels.json", "w") as f: json.dump({"made_by": "make_table.py", "versions": versions, "stride": STRIDE, "cases": [pixels(*c) for c in PIXELS]}, f)
