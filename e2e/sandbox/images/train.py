"""How are the sandbox's models made? `python -m e2e.sandbox.images.train FOLDER`.

All are trained on the breast-cancer data that ships with scikit-learn (569 samples, 30 numbers each, two
classes), each with another method, so that they are truly different models of the same thing. "fraud" is the
name that the demo's story gives them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import joblib
import model_signing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from numpy import float64, int64
    from numpy.typing import NDArray

MODEL_FILE = "model.joblib"
SIGNATURE = "model.sig"
_SEED = 7
_KEY = 20_261_129
"""Of the key that signs models here: it protects nothing, and everybody has to have the same."""


class Classifier(Protocol):
    """The part of scikit-learn's interface that is used here."""

    def fit(self, samples: NDArray[float64], classes: NDArray[int64]) -> Classifier:
        """Learn."""

    def score(self, samples: NDArray[float64], classes: NDArray[int64]) -> float:
        """Give the share of right answers."""


def recipes() -> dict[str, Classifier]:
    """Give the untrained models by path in the store."""
    return {
        "fraud/1": make_pipeline(StandardScaler(), LogisticRegression(random_state=_SEED)),
        "fraud/2": make_pipeline(StandardScaler(), GaussianNB()),
        "fraud/3": GradientBoostingClassifier(n_estimators=40, max_depth=2, random_state=_SEED),
    }


def train(target: Path) -> None:
    """Train all models and put each into `target`, unpacked and packed; all of it appears, or nothing."""
    data = load_breast_cancer()
    learn_x, test_x, learn_y, test_y = train_test_split(data.data, data.target, random_state=_SEED)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".training-") as scratch:
        work = Path(scratch) / "models"
        for path, model in recipes().items():
            folder = work / path
            folder.mkdir(parents=True)
            joblib.dump(model.fit(learn_x, learn_y), folder / MODEL_FILE)
            print(f"{path}: accuracy {model.score(test_x, test_y):.3f} on {len(test_y)} unseen samples")
        _sign(work)
        (work / "fraud/corrupt").mkdir()
        (work / "fraud/corrupt" / MODEL_FILE).write_bytes(b"this is no model\n")
        (work / "fraud/empty").mkdir()
        for folder in sorted((work / "fraud").iterdir()):
            _pack(folder)
        (work / "sample.json").write_text(json.dumps({"instances": test_x[:3].tolist()}))
        try:
            work.rename(target)
        except OSError:
            if not target.is_dir():  # else another sandbox was quicker, with the same models
                raise


def public_key() -> str:
    """Give the public key of the sandbox's signed models, as PEM."""
    pem, info = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return _private_key().public_key().public_bytes(pem, info).decode()


def held_out() -> str:
    """Give the samples that no model has learnt from as CSV, the class in the last column."""
    data = load_breast_cancer()
    _, samples, _, classes = train_test_split(data.data, data.target, random_state=_SEED)
    rows = ((*sample, label) for sample, label in zip(samples.tolist(), classes.tolist(), strict=True))
    return "".join(f"{','.join(f'{value:g}' for value in row)}\n" for row in rows)


def _private_key() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(_KEY, ec.SECP256R1())


def _sign(work: Path) -> None:
    """Add version 2 with a signature, and once more with another model under that signature."""
    signed, tampered = work / "fraud/signed", work / "fraud/tampered"
    shutil.copytree(work / "fraud/2", signed)
    key = work / "key.pem"
    form = serialization.PrivateFormat.PKCS8
    key.write_bytes(_private_key().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    hashing = model_signing.hashing.Config().set_ignored_paths(paths=[signed / SIGNATURE])  # type: ignore[no-untyped-call]
    signing = model_signing.signing.Config().use_elliptic_key_signer(private_key=key)  # type: ignore[no-untyped-call]
    signing.set_hashing_config(hashing).sign(signed, signed / SIGNATURE)
    key.unlink()
    shutil.copytree(signed, tampered)
    shutil.copy(work / "fraud/3" / MODEL_FILE, tampered / MODEL_FILE)


def _pack(folder: Path) -> None:
    with tarfile.open(f"{folder}.tar.gz", "w:gz") as archive:
        for file in folder.iterdir():
            archive.add(file, arcname=file.name)


def main() -> int:
    """Read the command line and train; the exit status."""
    parser = argparse.ArgumentParser(description="Train the sandbox's models.")
    parser.add_argument("folder", type=Path, help="where the models go; must not exist yet")
    train(parser.parse_args().folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
