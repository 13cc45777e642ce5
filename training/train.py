"""One command for the whole recipe: `python training/train.py [--minutes 210] [--work work] [--folder FOLDER]`.

Teacher, stage A (vision tower), tokenizer, stage B (everything), the decoder's school, stage B again, export, evaluation. Each part is a
script of its own and can be run alone. With --warm FOLDER a finished checkpoint goes on: its decoder to school, then stage B.
"""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SHARES = {"teacher": .06, "vision": .16, "joint": .3, "school": .1, "last": .38}
WARM = {"school": .3, "last": .7}


def run(script, *arguments):
    print("==", script, *arguments, flush=True)
    subprocess.run([sys.executable, "-u", os.path.join(HERE, script), *map(str, arguments)], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=210, help="wall-clock time for all training together")
    parser.add_argument("--work", default=os.path.join(HERE, "work"), help="folder for intermediate states")
    parser.add_argument("--folder", default=os.path.join(HERE, "work", "checkpoint"), help="folder of the finished checkpoint")
    parser.add_argument("--warm", default=None, help="a finished checkpoint folder to go on from")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    part = {name: args.minutes * share for name, share in (WARM if args.warm else SHARES).items()}
    state = lambda name: os.path.join(args.work, name)
    places = ["--work", args.work, "--folder", args.folder]
    if args.warm:
        run("stage_school.py", "--minutes", part["school"], *places, "--start", args.warm, "--lr", 1e-3, "--muon-lr", 2.5e-3)
        run("stage_joint.py", "--minutes", part["last"], *places, "--start", state("school.pt"), "--settle", 3, "--lr", 1e-3, "--muon-lr", 2e-3, "--sight-rate", .3)
    else:
        run("teacher.py", "--minutes", part["teacher"], "--out", state("teacher.npz"))
        run("stage_vision.py", "--minutes", part["vision"], "--work", args.work)
        run("export.py", "--folder", args.folder)                    # tokenizer and config, weights still untrained
        run("stage_joint.py", "--minutes", part["joint"], *places, "--start", state("stage-a.pt"))
        run("stage_school.py", "--minutes", part["school"], *places, "--start", state("stage-b.pt"))
        run("stage_joint.py", "--minutes", part["last"], *places, "--start", state("school.pt"), "--still", 3)
    run("export.py", state("stage-b.pt"), "--folder", args.folder)
    run("evaluate.py", args.folder)


if __name__ == "__main__":
    main()
