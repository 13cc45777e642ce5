"""One command for the whole recipe: `python training/train.py [--minutes 150] [--work work]`.

Teacher, stage A (vision tower), tokenizer, stage B (everything), the decoder's school, stage B again, export, evaluation set,
golden fixtures, evaluation. Each part is a script of its own and can be run alone.
With --go-on only the last stage B is run, from a state of an earlier one in the work folder.
"""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SHARES = {"teacher": .06, "vision": .16, "joint": .32, "school": .06, "last": .4}


def run(script, *arguments):
    print("==", script, *arguments, flush=True)
    subprocess.run([sys.executable, "-u", os.path.join(HERE, script), *map(str, arguments)], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=210, help="wall-clock time for all training together")
    parser.add_argument("--work", default=os.path.join(HERE, "work"), help="folder for intermediate states")
    parser.add_argument("--go-on", action="store_true", help="better work/stage-b.pt instead of starting anew")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    part = {name: args.minutes * share for name, share in SHARES.items()}
    state = lambda name: os.path.join(args.work, name)
    if not args.go_on:
        run("teacher.py", "--minutes", part["teacher"], "--out", state("teacher.npz"))
        run("stage_vision.py", "--minutes", part["vision"], "--work", args.work)
        run("export.py")                                         # tokenizer and config, weights still untrained
        run("stage_joint.py", "--minutes", part["joint"], "--work", args.work, "--start", state("stage-a.pt"))
        run("stage_school.py", "--minutes", part["school"], "--work", args.work, "--start", state("stage-b.pt"))
    start, minutes = (state("stage-b.pt"), args.minutes) if args.go_on else (state("school.pt"), part["last"])
    run("stage_joint.py", "--minutes", minutes, "--work", args.work, "--start", start, *([] if args.go_on else ["--still", 3]))
    run("export.py", os.path.join(args.work, "stage-b.pt"))
    for script in ("make_eval.py", "make_examples.py", "golden.py", "evaluate.py"):
        run(script)


if __name__ == "__main__":
    main()
