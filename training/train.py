"""One command for the whole recipe: `python training/train.py [--minutes 210] [--work work] [--folder FOLDER]`.

Teacher, stage A (vision tower), tokenizer, stage B (everything), the decoder's school, stage B again, export; then by the product (npm ci
first) the table of familiar images, packing and the exam. Each part is a script of its own and can be run alone. With --warm FOLDER a
finished checkpoint goes on: its decoder to school, then stage B. What is not installed is named before anything is trained.
"""
import argparse
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SHARES = {"teacher": .06, "vision": .16, "joint": .3, "school": .1, "last": .38}
WARM = {"school": .3, "last": .7}
SMALL = {"stage_vision.py": ["--batch", 16, "--held", 1], "stage_joint.py": ["--batch", 16, "--talked", 8, "--mapped", 16, "--held", 16],
         "stage_school.py": ["--batch", 8, "--held", 16, "--look", 2]}


def run(script, *arguments):
    print("==", script, *arguments, flush=True)
    subprocess.run([sys.executable, "-u", os.path.join(HERE, script), *map(str, arguments)], check=True)


def product(*arguments):
    """The command line of this repository."""
    print("== ocellus", *arguments, flush=True)
    subprocess.run(["npm", "run", "-s", "ocellus", "--", *map(str, arguments)], cwd=ROOT, check=True)


def missing(work):
    """What is not installed, in words; the pictures that are there are kept beside the other work."""
    import foreign
    import photos
    import tags
    try:
        foreign.test_pictures()
    except ImportError as error:
        yield f"{error.name}: pip install -r training/requirements.txt"
    if not os.path.exists(f"{photos.FOLDER}/train-images-idx3-ubyte.gz"):
        yield f"{photos.FOLDER}: apt install dataset-fashion-mnist, or name its folder in FASHION_MNIST"
    for path in {*tags.LATIN, tags.CHINESE}:
        if not os.path.exists(path):
            yield f"{path}: apt install fonts-dejavu fonts-liberation fonts-roboto fonts-noto-cjk"
    if not os.path.exists(f"{work}/pictures.npz") and not foreign.files():
        yield f"pictures under {foreign.ROOT}: apt install the picture packages of training/README.md, or name where they are unpacked in PICTURES"
    if not shutil.which("npm") or not os.path.exists(os.path.join(ROOT, "node_modules")):
        yield "the product: npm ci"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=210, help="wall-clock time for all training together")
    parser.add_argument("--work", default=os.path.join(HERE, "work"), help="folder for intermediate states")
    parser.add_argument("--folder", default=os.path.join(HERE, "work", "checkpoint"), help="folder of the finished checkpoint")
    parser.add_argument("--warm", default=None, help="a finished checkpoint folder to go on from")
    parser.add_argument("--rehearse", action="store_true", help="every part with little of everything: whether it runs, not what it gives")
    parser.add_argument("--exam", type=int, default=100, help="questions of the exam for each kind, scene and language")
    args = parser.parse_args()
    args.work, args.folder = os.path.abspath(args.work), os.path.abspath(args.folder)
    os.makedirs(args.work, exist_ok=True)
    if lacking := list(missing(args.work)):
        sys.exit("training/train.py needs\n  " + "\n  ".join(lacking))
    part = {name: args.minutes * share for name, share in (WARM if args.warm else SHARES).items()}
    state = lambda name: os.path.join(args.work, name)
    places = ["--work", args.work, "--folder", args.folder]
    train = lambda script, *arguments: run(script, *arguments, *(SMALL[script] if args.rehearse else []))
    if args.warm:
        train("stage_school.py", "--minutes", part["school"], *places, "--start", args.warm, "--lr", 1e-3, "--muon-lr", 2.5e-3)
        train("stage_joint.py", "--minutes", part["last"], *places, "--start", state("school.pt"), "--settle", 3, "--lr", 1e-3, "--muon-lr", 2e-3, "--sight-rate", .3)
    else:
        run("teacher.py", "--minutes", part["teacher"], "--out", state("teacher.npz"))
        train("stage_vision.py", "--minutes", part["vision"], "--work", args.work)
        run("export.py", "--folder", args.folder)                    # tokenizer and config, weights still untrained
        train("stage_joint.py", "--minutes", part["joint"], *places, "--start", state("stage-a.pt"))
        train("stage_school.py", "--minutes", part["school"], *places, "--start", state("stage-b.pt"))
        train("stage_joint.py", "--minutes", part["last"], *places, "--start", state("school.pt"), "--still", 3)
    run("export.py", state("stage-b.pt"), "--folder", args.folder)
    run("make_familiar.py", state("familiar"), state("unlike"), state("pictures.npz"))
    product("familiarity", state("familiar"), "--unlike", state("unlike"), "--model", args.folder, "--weights", "fp32", "--images-per-question", 2, "--trained-for", "none")
    product("pack", args.folder, "--weights", "int4", "--into", state("packed"))
    product("eval", "eval", "--model", state("packed"), "--limit", args.exam)


if __name__ == "__main__":
    main()
