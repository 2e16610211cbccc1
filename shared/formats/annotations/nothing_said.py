"""The labels of formats in which no file says anything of an image: its path says all, or there is nothing to say."""

from shared.formats.annotations.model import ImageSize, LabelRows, Report


class NothingSaid:
    """Reads nothing."""

    def read(self, data: bytes, *, file: str, size: ImageSize | None, report: Report) -> LabelRows:
        """No annotations, whatever the bytes are."""
        del data, file, size, report
        return LabelRows([], 0, 0)
