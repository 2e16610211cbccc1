"""What cannot be written as it is, as one table. docs/exports.md lists the same ids; a test compares them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from shared.formats.findings import Rule, Severity

_SHOWN = 5
_WARNING, _INFO = Severity.WARNING, Severity.INFO

_LOSSES = (
    Rule("EXPORT_DAMAGED", _WARNING, "The image is damaged and left out.", "Import the archive anew."),
    Rule("EXPORT_PENDING", _WARNING, "The image's bytes are not there; it is left out.", "Wait for its import."),
    Rule("EXPORT_RENAMED", _INFO, "The file has another name, for its own is taken or cannot be written.", "Nothing."),
    Rule("EXPORT_NO_SPLIT", _INFO, "The image has no split; it is written to `train`.", "Give it a split."),
    Rule("EXPORT_SPLIT_NAME", _WARNING, "Readers of the format do not know a split of this name.", "Rename it."),
    Rule("EXPORT_NO_VAL", _INFO, "There is no `val`, which trainers ask for; it names the training images.", "Split."),
    Rule("EXPORT_NO_TRAIN", _WARNING, "There is no `train`, which trainers ask for.", "Export it too, or split."),
    Rule("EXPORT_OUTLINE", _WARNING, "Of a polygon or oriented box only the box around it is written.", "Use COCO."),
    Rule("EXPORT_TYPE", _INFO, "The annotation is written as one of another type.", "Use CSV or WebDataset."),
    Rule("EXPORT_KEYPOINTS", _WARNING, "Keypoints are left out.", "Export as poses: `task: pose`, or COCO."),
    Rule("EXPORT_PARTS", _WARNING, "Of an outline of several parts, or a mask, only one is written.", "Use COCO."),
    Rule(
        "EXPORT_ATTRIBUTES", _INFO, "The format has no place for what else the source says.", "Use CSV or WebDataset."
    ),
    Rule("EXPORT_LABEL", _WARNING, "What is said of the whole image is left out.", "Export for `classify`, or CSV."),
    Rule(
        "EXPORT_BOX", _WARNING, "Boxes and outlines are left out; images are sorted by their labels.", "Use `detect`."
    ),
    Rule("EXPORT_SEVERAL_LABELS", _WARNING, "The image has several labels; the first decides.", "Use CSV."),
    Rule("EXPORT_UNLABELLED", _WARNING, "The image has no label, so there is no folder for it; left out.", "Use CSV."),
    Rule(
        "EXPORT_NO_SIZE", _WARNING, "The image's size is not known: what is given in pixels is left out.", "Use YOLO."
    ),
    Rule("EXPORT_NAME", _WARNING, "The category's name cannot be written as it is.", "Rename the category."),
    Rule("EXPORT_CATEGORY_ORDER", _INFO, "The format does not keep the order of categories.", "Nothing."),
    Rule(
        "EXPORT_UNUSED_CATEGORY", _INFO, "The category is in no annotation, so the format cannot name it.", "Nothing."
    ),
)

LOSSES: Mapping[str, Rule] = MappingProxyType({loss.id: loss for loss in _LOSSES})


@dataclass(slots=True)
class LossLog:
    """Counts what is lost, with the first examples of each: a file, a split or a category. Bounded memory."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, loss: str, example: str) -> None:
        """Note a loss at one place."""
        self.counts[loss] = self.counts.get(loss, 0) + 1
        known = self.examples.setdefault(LOSSES[loss].id, [])
        if len(known) < _SHOWN:
            known.append(example)
