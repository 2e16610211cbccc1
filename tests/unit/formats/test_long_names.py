"""Names of members may have thousands of characters; a message shows the ends of such a name, whatever the format."""

import pytest

from tests.factories.pure_imports import pure_import

LONG = "n" * 3000
XML = "<annotation><object><name>cat</name></object></annotation>"
KITTI = "Car 0 0 0 1 1 9 9 1 1 1 1 1 1 1\n"
YOLO = f"path: .\ntrain: {LONG}/images\nnames: [a]\n"
TREES = {
    "voc": {"JPEGImages/1.jpg": "", "JPEGImages/1.png": "", "Annotations/1.xml": XML},
    "kitti": {"training/image_2/1.jpg": "", "training/image_2/1.png": "", "training/label_2/1.txt": KITTI},
    "yolo": {"images/1.jpg": "", "images/1.png": "", "images/2.png": "", "labels/1.txt": "0 .5 .5 .2 .2\n"},
}


@pytest.mark.parametrize("name", TREES)
def test_the_name_of_a_shared_label_is_shortened(name: str) -> None:
    members = {f"{LONG}/{path}": data for path, data in TREES[name].items()}
    found = pure_import(members | ({"data.yaml": YOLO} if name == "yolo" else {}))

    assert found.layout.format == name
    assert found.one("PAIR_STEM_COLLISION").message.startswith(f"shares {'n' * 50}")
    assert max(len(one.message) for one in found.findings) < 300
