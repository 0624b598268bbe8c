#!/usr/bin/env python3
"""Writes metrics.json beside itself: inputs, and what scikit-learn, scipy, seqeval and numpy say of them.

  python3 -m pip install scikit-learn==1.9.1 scipy==1.17.1 seqeval==1.2.2 numpy==2.4.6
  python3 tests/golden/make_metrics.py

The file in the repository was made so, with Python 3.11. The inputs come from a seeded generator and do not depend on the
versions. null stands for NaN. tests/metrics compares with it.
"""
import importlib.metadata
import json
import math
import pathlib
import random
import warnings

import numpy
import scipy
import sklearn
from scipy import stats
from seqeval.metrics import sequence_labeling
from sklearn import metrics

warnings.filterwarnings("ignore")  # undefined scores are among the cases


def number(value):
    value = float(value)
    return None if math.isnan(value) else value


def classification(name, labels, expected, predicted):
    of = (expected, predicted)
    every = list(range(labels))
    return {"name": name, "labels": labels, "expected": expected, "predicted": predicted,
            "counts": metrics.confusion_matrix(*of, labels=every).tolist(),
            "accuracy": number(metrics.accuracy_score(*of)),
            "f1": [number(f) for f in metrics.f1_score(*of, labels=every, average=None, zero_division=0)],
            "macro_f1": number(metrics.f1_score(*of, average="macro", zero_division=0)),
            "matthews": number(metrics.matthews_corrcoef(*of))}


def classifications(rng):
    def noisy(expected, labels, rate):
        return [rng.randrange(labels) if rng.random() < rate else label for label in expected]

    balanced = [rng.randrange(2) for _ in range(50)]
    rare = [int(i % 17 == 3) for i in range(90)]
    three = [rng.randrange(3) for _ in range(60)]
    skewed = rng.choices(range(3), weights=(20, 3, 1), k=80)
    many = [rng.randrange(6) for _ in range(70)]
    return [
        classification("two labels", 2, balanced, noisy(balanced, 2, 0.5)),
        classification("two labels, one rare", 2, rare, noisy(rare, 2, 0.3)),
        classification("rare label never predicted", 2, rare, [0] * len(rare)),
        classification("rare label always predicted", 2, rare, [1] * len(rare)),
        classification("one label only", 2, [1] * 7, [1, 1, 0, 1, 0, 1, 1]),
        classification("one label only, always predicted", 2, [1] * 5, [1] * 5),
        classification("one label only, never predicted", 2, [1] * 5, [0] * 5),
        classification("all right", 2, balanced, balanced),
        classification("all wrong", 2, balanced, [1 - label for label in balanced]),
        classification("one row, right", 2, [1], [1]),
        classification("one row, wrong", 2, [0], [1]),
        classification("three labels", 3, three, noisy(three, 3, 0.6)),
        classification("three labels, skewed", 3, skewed, noisy(skewed, 3, 0.4)),
        classification("three labels, one never predicted", 3, three, [min(label, 1) for label in three]),
        classification("three labels, one prediction", 3, three, [2] * len(three)),
        classification("three labels, one never occurs", 3, balanced, noisy(balanced, 2, 0.4)),
        classification("three labels, each shifted", 3, three, [(label + 1) % 3 for label in three]),
        classification("six labels", 6, many, noisy(many, 6, 0.5)),
    ]


def correlation(name, x, y):
    enough = len(x) > 1
    return {"name": name, "x": x, "y": y, "pearson": number(stats.pearsonr(x, y)[0]) if enough else None,
            "spearman": number(stats.spearmanr(x, y)[0]) if enough else None}


def correlations(rng):
    def normal(count, digits=4):
        return [round(rng.gauss(0, 1), digits) for _ in range(count)]

    def plus(x, scale, noise):
        return [round(scale * value + noise * rng.gauss(0, 1), 4) for value in x]

    x = normal(40)
    fifths = [round(0.2 * rng.randrange(26), 1) for _ in range(60)]
    return [
        correlation("independent", x, normal(40)),
        correlation("positive", x, plus(x, 2, 1)),
        correlation("negative", x, plus(x, -1, 0.7)),
        correlation("a line", x, [2 * value + 1 for value in x]),
        correlation("a falling line", x, [3 - 0.5 * value for value in x]),
        correlation("monotone, not straight", x, [math.exp(3 * value) for value in x]),
        correlation("ties on one side", fifths, plus(fifths, 0.3, 0.5)),
        correlation("ties on both sides", fifths, [float(round(value)) for value in plus(fifths, 0.6, 0.8)]),
        correlation("two values each", [float(i % 2) for i in range(21)], [float(i % 3 == 0) for i in range(21)]),
        correlation("all but one tied", [0.0] * 9 + [1.0], normal(10)),
        correlation("one side constant", [0.1] * 12, normal(12)),
        correlation("both sides constant", [3.0] * 4, [4.0] * 4),
        correlation("one row", [1.0], [2.0]),
        correlation("two rows", [1.0, 2.0], [5.0, 3.0]),
        correlation("three rows", [1.0, 2.0, 4.0], [1.0, 5.0, 3.0]),
        correlation("far from zero", [1e6 + value for value in x], [-1e6 + value for value in plus(x, 1, 0.5)]),
        correlation("very far from zero", [1e9 + value for value in x], plus(x, -1, 0.2)),
        correlation("large and small", [1e160 * value for value in x], [1e-160 * v for v in plus(x, 1, 1)]),
        correlation("an outlier", x[:20] + [1e5], plus(x[:20], 1, 1) + [-1e5]),
    ]


def tagging(name, expected, predicted):
    """expected, predicted: sentences, each a string of tags."""
    expected, predicted = ([line.split() for line in side] for side in (expected, predicted))
    of = (expected, predicted)

    def found(side):
        return [[[begin, end + 1, kind] for kind, begin, end in sequence_labeling.get_entities(tags)]
                for tags in side]

    entities = [found(side) for side in of]
    kinds = sorted({entity[2] for side in entities for tags in side for entity in tags})

    def count(kind, sides):
        sides = [{(i, *entity) for i, tags in enumerate(side) for entity in tags} for side in sides]
        return sum(kind in (None, entity[3]) for entity in set.intersection(*sides))

    def score(kind, values):
        return dict(zip(("precision", "recall", "f1"), map(number, values)),
                    expected=count(kind, entities[:1]), predicted=count(kind, entities[1:]),
                    correct=count(kind, entities))

    average = sequence_labeling.precision_recall_fscore_support(*of, average="micro", zero_division=0)
    single = sequence_labeling.precision_recall_fscore_support(*of, average=None, zero_division=0)
    return {"name": name, "expected": expected, "predicted": predicted, "expected_entities": entities[0],
            "predicted_entities": entities[1], "total": score(None, average[:3]),
            "by_type": {kind: score(kind, [values[i] for values in single[:3]]) for i, kind in enumerate(kinds)}}


def taggings(rng):
    def words(count):
        return [rng.choice(("O", "O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC", "I-ORG")) for _ in range(count)]

    def noisy(tags):
        return [tag if rng.random() < 0.8 else words(1)[0] for tag in tags]

    random_tags = [words(rng.randrange(1, 16)) for _ in range(30)]
    return [
        tagging("right", ["O B-PER I-PER O B-LOC", "B-ORG"], ["O B-PER I-PER O B-LOC", "B-ORG"]),
        tagging("borders and types", ["B-PER I-PER O B-LOC I-LOC", "B-ORG O"], ["B-PER O O B-ORG I-ORG", "O B-ORG"]),
        tagging("no entity expected", ["O O O"], ["O B-PER O"]),
        tagging("no entity predicted", ["B-PER I-PER O"], ["O O O"]),
        tagging("no entity at all", ["O O", "O"], ["O O", "O"]),
        tagging("I after O begins", ["O I-PER I-PER O"], ["O B-PER I-PER O"]),
        tagging("I of another type begins", ["B-PER I-LOC I-LOC I-PER"], ["B-PER B-LOC I-LOC B-PER"]),
        tagging("B after B, B after I", ["B-PER B-PER I-PER B-PER"], ["B-PER I-PER I-PER B-PER"]),
        tagging("to the end of a sentence", ["O B-PER", "I-PER O"], ["O B-PER", "B-PER O"]),
        tagging("a type with a hyphen", ["B-geo-loc I-geo-loc B-geo O"], ["B-geo-loc I-geo-loc B-geo I-geo"]),
        tagging("random", [" ".join(tags) for tags in random_tags], [" ".join(noisy(tags)) for tags in random_tags]),
    ]


def deviation(values):
    return {"values": values, "mean": number(numpy.mean(values)),
            "deviation": number(numpy.std(values, ddof=1)) if len(values) > 1 else None}


def main():
    rng = random.Random(20240607)
    cases = {
        "classification": classifications(rng), "correlation": correlations(rng), "tagging": taggings(rng),
        "deviation": [deviation(values) for values in (
            [91.3], [0.5, 0.25], [88.1, 88.7, 87.9], [0.1, 0.1, 0.1], [1e6 + 1, 1e6 + 2, 1e6 + 4],
            [round(rng.gauss(60, 3), 2) for _ in range(9)])]}
    versions = {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__,
                "seqeval": importlib.metadata.version("seqeval"), "numpy": numpy.__version__}
    parts = [f'"versions": {json.dumps(versions)}']
    for name, of in cases.items():
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in of)
        parts.append(f'"{name}": [\n{lines}\n]')
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    (pathlib.Path(__file__).parent / "metrics.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
