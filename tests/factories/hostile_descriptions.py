"""Descriptions that want to run, to expand or to lead elsewhere, and files beside them that nobody may open."""

import json
import pickle
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import CONFIG, around, noise
from tests.factories.hostile import UNKNOWN, Case, one_of

IMAGE, MIB = jpeg_bytes(30, 20, seed=5), 2**20
OWNED = Path(tempfile.gettempdir()) / "datayard-hostile-owned"
"""What a script would make, if one were run."""
TOUCH = f"touch {OWNED}"


def _described(config: bytes, **more: bytes) -> Callable[[Path], object]:
    return lambda path: zip_of(path, around({}) | {"data.yaml": config} | more)


def _bad(config: bytes, *others: str) -> Case:
    return Case(_described(config), problems=one_of("bad-configuration", *others), file="data.yaml")


def _noted(config: bytes, rule: str) -> Case:
    return Case(_described(config), rules=one_of(rule), file="data.yaml")


def _merged() -> bytes:
    """Nine merge keys of nine merge keys, nine times."""
    lines = [b"a0: &a0 {k: v}"]
    lines += [b"a%d: &a%d {<<: [%s]}" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 10)]
    return b"\n".join(lines) + b"\n" + CONFIG


PYTHON_TAGS = (
    f"!!python/object/new:os.system [{json.dumps(TOUCH)}]",
    f"!!python/object/apply:subprocess.check_output [[touch, {OWNED}]]",
    "!!python/name:os.system",
    "!!python/module:os",
    f"!<tag:yaml.org,2002:python/object/apply:os.system> [{json.dumps(TOUCH)}]",
)
DOWNLOADS = (
    f"download: {TOUCH}\n",
    f"download: |\n  import os\n  os.system({TOUCH!r})\n",
    f"download: [bash -c '{TOUCH}']\n",
)
PATHS = ("/etc", "../../../../etc", "file:///etc", "http://169.254.169.254/latest", "~", "\\\\host\\share")

DESCRIPTIONS: Mapping[str, Case] = {
    **{f"python tag {n}": _bad(CONFIG + f"x: {tag}\n".encode()) for n, tag in enumerate(PYTHON_TAGS)},
    "an unknown tag": Case(_described(CONFIG + b"x: !evil {a: 1}\ny: !!binary AAAA\n")),
    **{
        f"download script {n}": _noted(CONFIG + text.encode(), "YAML_DOWNLOAD_SCRIPT")
        for n, text in enumerate(DOWNLOADS)
    },
    "merge keys by the billion, which mean nothing here": Case(_described(_merged())),
    **{
        f"split at {path}": Case(
            _described(f"train: {json.dumps(path)}\nnames: [a]\n".encode()),
            rules=one_of("YAML_PATH_UNRESOLVED"),
            problems=one_of(UNKNOWN, "bad-configuration"),
        )
        for path in PATHS
    },
    "a path of 4 MB": Case(
        _described(b"train: " + b"p/" * (2 * MIB) + b"\nnames: [a]\n"), problems=one_of(UNKNOWN, "bad-configuration")
    ),
    "a split of a name of 4 MB": Case(
        _described(CONFIG + b"? train-" + b"s" * (4 * MIB) + b"\n: images/val\n"),
        problems=one_of("bad-configuration"),
        rules=one_of("PAIR_SPLIT_DUP"),
    ),
    "splits of odd names": Case(
        _described(CONFIG + b'"train\\0$a.b": images/none\n"test.$where": images/val\n'),
        rules=one_of("YAML_PATH_UNRESOLVED"),
    ),
    "categories of odd names": Case(
        _described(
            b'train: images/train\nval: images/val\nnames: ["a\\0b", "$set", "a.b", "\\uD800", "\\U0010FFFF"]\n'
        ),
        problems=one_of("bad-configuration"),
    ),
    "9 000 splits": _bad(CONFIG + b"".join(b"train%d: images/val\n" % n for n in range(9000))),
    "20 000 paths": _bad(b"names: [a]\ntrain:\n" + b"".join(b"- p%d\n" % n for n in range(20_000))),
    "9 000 paths that lead nowhere": Case(
        _described(
            CONFIG.replace(
                b"train: images/train", b"train:\n- images/train\n" + b"".join(b"- p/%d/q\n" % n for n in range(9000))
            )
        ),
        rules=one_of("YAML_PATH_UNRESOLVED"),
        file="data.yaml",
    ),
    "names by ids of a billion": _bad(b"train: images/train\nnames: {999999999: a}\n"),
    "nc of a googol": _bad(b"train: images/train\nnc: 1e100\n"),
    "nc of 10 MB of digits": _bad(b"train: images/train\nnc: " + b"9" * (4 * MIB) + b"\n"),
    "70 MB, stored": Case(
        lambda path: zip_of(
            path, around({}) | {"data.yaml": b"#" * (70 * MIB) + b"\n" + CONFIG}, compression=zipfile.ZIP_STORED
        ),
        problems=one_of("bad-configuration"),
        file="data.yaml",
    ),
    "70 MB, deflated": Case(
        _described(b"#" * (70 * MIB) + b"\n" + CONFIG),
        rules=one_of("ARCHIVE_BOMB"),
        problems=one_of(UNKNOWN, "bad-configuration"),
    ),
    "noise": _bad(b"names: \x80\x81" + noise(2000)),
    "NUL bytes": _bad(CONFIG + bytes(2000)),
    "UTF-32": _bad(CONFIG.decode().encode("utf-32")),
    "an alias of itself": _bad(CONFIG + b"x: &a [*a]\nnames: &n [*n]\n"),
    "flow of 60 000 brackets": _bad(b"x: " + b"[" * 60_000 + b"\n" + CONFIG),
    "500 descriptions": Case(
        lambda path: zip_of(path, {f"d{n}/data.yaml": b"- no\n" for n in range(500)} | around({})),
        rules=one_of("YAML_AMBIGUOUS"),
    ),
    "a description that is a folder": Case(
        lambda path: zip_of(path, around({}) | {"data.yaml/": b"", "data.yaml/data.yaml": b"names: [a]\n"})
    ),
    "a list that climbs": Case(
        _described(
            b"train: train.txt\nnames: [a]\n",
            **{
                "train.txt": b"../../../../etc/passwd\n/etc/shadow.jpg\nimages/train/good.jpg\n\0\n"
                b"./images/val/last.jpg\n"
            },
        ),
        rules=one_of("PAIR_MISSING_IMAGE"),
        file="train.txt",
    ),
    "a list that names itself": Case(
        _described(b"train: train.txt\nval: train.txt\nnames: [a]\n", **{"train.txt": b"train.txt\n" * 1000}),
        rules=one_of("YAML_PATH_UNRESOLVED"),
    ),
    "Darknet that points outside": Case(
        lambda path: zip_of(
            path,
            {
                "obj.data": b"classes = 99999999999\ntrain = /etc/passwd\nnames = ../../etc/passwd\nbackup = /\n",
                "a.jpg": IMAGE,
            },
        ),
        problems=one_of(UNKNOWN, "bad-configuration"),
    ),
}


class _Evil:
    def __reduce__(self) -> tuple[object, ...]:
        import os  # noqa: PLC0415 - what an attacker's pickle names

        return os.system, (TOUCH,)


def _odd_files(path: Path) -> None:
    evil = pickle.dumps(_Evil())
    zip_of(
        path,
        around(
            {
                "labels/train.cache": evil,
                "labels/train/good.cache": evil,
                "images/train.cache": evil,
                "train.npy": b"\x93NUMPY\x01\0" + evil,
                "weights.pt": evil,
                "setup.py": f"import os; os.system({TOUCH!r})".encode(),
                "conftest.py": f"import os; os.system({TOUCH!r})".encode(),
                ".git/hooks/post-checkout": f"#!/bin/sh\n{TOUCH}\n".encode(),
            }
        ),
    )


DESCRIPTIONS = {**DESCRIPTIONS, "pickles and scripts": Case(_odd_files)}
