"""Which XML file belongs to which image: the one of the same name in a folder that stands where the image's does."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator

from shared.formats.annotations.member_names import directory_of, stem_of
from shared.formats.annotations.model import Report
from shared.formats.annotations.survey import NameSurvey
from shared.formats.archives.verdict import shortened
from shared.formats.findings import Finding

NO_LABEL = -1

_MASK_FOLDERS = frozenset(("segmentationclass", "segmentationobject", "segmentationclassaug", "masks", "mask"))
_MOST_FOLDERS = 16
_UNUSED, _USED = range(2)


class XmlPairing:
    """Pairs the images of an archive with its XML files. The arrays are parallel; `paired` images have one.

    Pictures in folders of masks are no images of the dataset.
    """

    def __init__(self, survey: NameSurvey) -> None:
        self.images, self.labels = array("i"), array("i")
        self.paired = 0
        self._survey = survey
        self._used = bytearray(len(survey.names))
        self._shared = array("i")
        self._masks: Counter[str] = Counter()
        self._folders = _XmlFolders(survey)
        self._pair_all()

    def pair(self, position: int, label: int) -> None:
        """Give an image its label."""
        self.labels[position] = label
        self.paired += 1
        self._used[label] = _USED

    def left_over(self, most: int) -> list[int]:
        """XML files that pair with no image, the first ones."""
        found: list[int] = []
        for index in self._survey.ending_in("xml"):
            if not self._used[index] and len(found) < most:
                found.append(index)
        return found

    def report_left_over(self, report: Report) -> None:
        """Report images without a label, labels without an image, labels that images share, and masks."""
        names = self._survey.names
        for position, (_, name) in enumerate(self._survey.named(self.images)):
            if self.labels[position] == NO_LABEL:
                report(Finding("PAIR_MISSING_LABEL", name, "no .xml file of the same name goes with it"))
        for image, label in zip(self._shared[::2], self._shared[1::2], strict=True):
            message = f"shares {shortened(names.name(label))} with an image before it"
            report(Finding("PAIR_STEM_COLLISION", names.name(image), message))
        for index, name in self._survey.named(self._survey.ending_in("xml")):
            if not self._used[index] and directory_of(name) in self._folders.paired:
                report(Finding("PAIR_ORPHAN_LABEL", name, "no image of the dataset goes with this label"))
        for directory, count in sorted(self._masks.items()):
            report(Finding("PAIR_UNLISTED_IMAGE", directory, f"{count} masks of segmentation are left out"))

    def _pair_all(self) -> None:
        for index, name in self._survey.named(self._survey.images):
            directory = directory_of(name)
            if directory[directory.rfind("/", 0, -1) + 1 : -1].lower() in _MASK_FOLDERS:
                self._masks[directory] += 1
                continue
            self.images.append(index)
            self.labels.append(NO_LABEL)
            label = self._folders.find(directory, stem_of(name))
            if label is None:
                continue
            if self._used[label]:
                self._shared.extend((index, label))
            self.pair(len(self.images) - 1, label)


class _XmlFolders:
    """Finds an XML file by the folder and the stem of an image. `paired` are the folders that had one."""

    def __init__(self, survey: NameSurvey) -> None:
        self.paired: set[str] = set()
        self._names = survey.names
        self._endings: dict[str, None] = {}
        self._folders: dict[str, None] = {}
        for _, name in survey.named(survey.ending_in("xml")):
            self._folders[directory_of(name)] = None
            self._endings[name[-4:]] = None
        self._alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for folder in self._folders:
            for pattern in _patterns(folder):
                self._alike[pattern].append(folder)
        self._known: dict[str, list[str]] = {}

    def find(self, directory: str, stem: str) -> int | None:
        """The XML file of that stem in the likeliest folder that has one."""
        folders = self._known.get(directory)
        if folders is None:
            folders = self._known[directory] = self._likely(directory)
        for folder in folders:
            for ending in self._endings:
                if (found := self._names.find(f"{folder}{stem}{ending}")) is not None:
                    self.paired.add(folder)
                    return found
        return None

    def _likely(self, directory: str) -> list[str]:
        """The image's own folder; one that differs in a single part; else those that have most in common."""
        found = [directory] if directory in self._folders else []
        for pattern in _patterns(directory):
            found += self._alike.get(pattern, ())
        if len(self._folders) <= _MOST_FOLDERS:
            found += sorted(self._folders, key=lambda folder: _distance(folder, directory))
        return list(dict.fromkeys(found))[:_MOST_FOLDERS]


def _patterns(directory: str) -> Iterator[tuple[str, ...]]:
    """The folder's path with one part left open, the last one first; and, for folders of splits, without that part."""
    parts = directory.split("/")[:-1]
    for at in reversed(range(len(parts))):
        yield (*parts[:at], "*", *parts[at + 1 :])


def _distance(one: str, other: str) -> int:
    """How many parts two folders do not have in common, from the top."""
    ours, theirs = one.split("/")[:-1], other.split("/")[:-1]
    alike = next(
        (at for at, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs))
    )
    return len(ours) + len(theirs) - 2 * alike
