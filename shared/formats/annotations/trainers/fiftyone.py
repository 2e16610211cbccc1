"""What FiftyOne 1.22.1 imports of a label file, as observed by running it: nearly all, or the whole import ends."""

from shared.formats.annotations.trainers.model import LabelVerdict, Outcome

TRAINER = "fiftyone@1.22.1"

_BOX_COLUMNS = (5, 6)  # the sixth is a confidence


def judge(data: bytes | None) -> LabelVerdict:
    """What is imported of a label file; `data` is None where there is none: such an image is not imported.

    Nothing is checked: unknown categories, values outside the image, even NaN come in. Text ends the whole import.
    """
    if data is None:
        return LabelVerdict(Outcome.DROPPED, rule="PAIR_MISSING_LABEL", has_file=False)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return LabelVerdict(Outcome.ABORTS, rule="ROW_ENCODING")
    rows = [row for row in (line.split() for line in text.splitlines()) if row]
    for row in rows:
        if rule := _refused(row):
            return LabelVerdict(Outcome.ABORTS, rule=rule)
    polygons = sum(len(row) not in _BOX_COLUMNS for row in rows)
    return LabelVerdict(Outcome.KEPT if rows else Outcome.BACKGROUND, rows=len(rows), polygons=polygons)


def _refused(row: list[str]) -> str | None:
    """The rule that says why a row cannot be read; None for one that can."""
    try:
        for value in row[1:]:
            float(value)
    except ValueError:
        return "ROW_NOT_NUMERIC"
    if len(row) in _BOX_COLUMNS or (len(row) > max(_BOX_COLUMNS) and len(row) % 2):
        return None
    return "ROW_COLUMNS"
