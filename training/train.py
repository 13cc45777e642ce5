"""One command for the whole recipe: `python training/train.py [--minutes 150] [--work work]`.

Teacher, stage A (vision tower), tokenizer, stage B (everything), export, evaluation set, golden fixtures, evaluation.
Each part is a script of its own and can be run alone; the minutes are shared out as in the run that made ocellus-tiny.
With --go-on the teacher is trained anew and stage B starts from the exported checkpoint folder instead of from stage A.
"""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SHARES = {"teacher": .11, "vision": .36, "joint": .53}


def run(script, *arguments):
    print("==", script, *arguments, flush=True)
    subprocess.run([sys.executable, "-u", os.path.join(HERE, script), *map(str, arguments)], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=120, help="wall-clock time for all training together")
    parser.add_argument("--work", default=os.path.join(HERE, "work"), help="folder for intermediate states")
    parser.add_argument("--go-on", action="store_true", help="better the exported checkpoint instead of starting anew")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    part = {name: args.minutes * share for name, share in SHARES.items()}
    if not os.path.exists(os.path.join(args.work, "teacher-train.npz")):
        run("teacher.py", "--minutes", part["teacher"], "--out", os.path.join(args.work, "teacher.npz"))
    if args.go_on:
        start, minutes, still = os.path.join(HERE, "..", "checkpoints", "ocellus-tiny"), part["vision"] + part["joint"], 1
    else:
        run("stage_vision.py", "--minutes", part["vision"], "--work", args.work)
        run("export.py")                                         # tokenizer and config, weights still untrained
        start, minutes, still = os.path.join(args.work, "stage-a.pt"), part["joint"], 5
    run("stage_joint.py", "--minutes", minutes, "--still", still, "--work", args.work, "--start", start, "--export")
    run("export.py", os.path.join(args.work, "stage-b.pt"))
    for script in ("make_eval.py", "make_examples.py", "golden.py", "evaluate.py"):
        run(script)


if __name__ == "__main__":
    main()
