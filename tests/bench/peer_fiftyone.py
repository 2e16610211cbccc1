"""What FiftyOne is timed at: a YOLO folder into a dataset with its images' metadata. FiftyOne's own Python runs it."""

import importlib
import json
import sys
import time


def main(folder: str) -> None:
    """Print the seconds of each step and what came of them, as JSON."""
    began = time.perf_counter()
    fiftyone = importlib.import_module("fiftyone")
    started = time.perf_counter()
    dataset = fiftyone.Dataset()
    for split in ("train", "val"):
        dataset.add_dir(
            dataset_dir=folder, dataset_type=fiftyone.types.YOLOv5Dataset, split=split, yaml_path="data.yaml"
        )
    read = time.perf_counter()
    dataset.compute_metadata()
    done = time.perf_counter()
    answer = {
        "start": started - began,
        "read": read - started,
        "metadata": done - read,
        "images": dataset.count(),
        "annotations": dataset.count("ground_truth.detections"),
    }
    dataset.delete()
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


if __name__ == "__main__":
    main(sys.argv[1])
