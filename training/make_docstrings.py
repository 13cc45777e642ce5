"""Questions about Python's standard library, answered by the first sentence of a docstring: `python training/make_docstrings.py FILE`
writes 240 of them as JSON lines without images, for `npm run bench -- tune-lora`. The texts are those of the Python that runs it.
"""
import importlib
import inspect
import json
import re
import sys

MODULES = ["os", "os.path", "shutil", "json", "re", "random", "statistics", "itertools", "functools", "collections", "datetime", "calendar", "math",
           "string", "textwrap", "tempfile", "glob", "fnmatch", "pathlib", "csv", "zipfile", "tarfile", "hashlib", "hmac", "base64", "struct", "heapq",
           "bisect", "copy", "inspect", "ast", "dis", "email.utils", "urllib.parse", "html", "socket", "threading", "asyncio", "subprocess", "logging"]
COUNT = 240


def sentence(doc):
    """The first paragraph as one line, if it is a sentence of 40 to 220 characters."""
    text = re.sub(r"\s+", " ", (doc or "").strip().split("\n\n")[0])
    return text if 40 <= len(text) <= 220 and text.endswith(".") and ">>>" not in text else None


def documented():
    for name in MODULES:
        module = importlib.import_module(name)
        for key, value in sorted(vars(module).items()):
            if key.startswith("_") or not callable(value):
                continue
            text = sentence(inspect.getdoc(value))
            if text:
                yield f"{name}.{key}", text


def main(path):
    found = {}
    for name, text in documented():
        found.setdefault(text, name)                                    # the same function is in several modules
    pairs = sorted((name, text) for text, name in found.items())
    step = max(1, len(pairs) / COUNT)
    chosen = [pairs[int(i * step)] for i in range(min(COUNT, len(pairs)))]
    with open(path, "w", encoding="utf-8") as file:
        for name, text in chosen:
            file.write(json.dumps({"questions": [{"question": f"What does {name} do in Python?", "answer": text}]}) + "\n")
    print(len(pairs), "found,", len(chosen), "written")


if __name__ == "__main__":
    main(sys.argv[1])
