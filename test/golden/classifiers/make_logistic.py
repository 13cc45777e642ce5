"""Softmax regression by another solver: `python make_logistic.py` writes logistic.json beside itself.

Reference: scikit-learn's LogisticRegression (lbfgs, tol 1e-10) at C = 1 / (images · penalty), plain and with class_weight="balanced",
on 40 random points of 4 features and 3 classes. The versions are in the file.
"""
import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression

PENALTY = 0.01


def main():
    rng = np.random.default_rng(3)
    targets = np.array([0] * 20 + [1] * 14 + [2] * 6)
    features = rng.normal(size=(40, 4)).round(4) + np.eye(3, 4)[targets]
    out = {"sklearn": sklearn.__version__, "penalty": PENALTY, "features": features.tolist(), "targets": targets.tolist()}
    for name, class_weight in [("plain", None), ("balanced", "balanced")]:
        model = LogisticRegression(C=1 / (len(targets) * PENALTY), tol=1e-10, max_iter=10_000, class_weight=class_weight).fit(features, targets)
        out[name] = model.predict_proba(features).tolist()
    (Path(__file__).parent / "logistic.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
