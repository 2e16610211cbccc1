"""What may be learnt from a dataset's notes, whatever format they are of: its licence."""

from collections.abc import Iterator, Mapping

from shared.formats.annotations.model import Attributes

_LONGEST = 200


def license_of(notes: Attributes) -> str | None:
    """The licence of the dataset, in the source's words; None where it names none, or several.

    >>> license_of({"roboflow": {"license": "CC BY 4.0"}}), license_of({"licenses": [{"name": "MIT"}, {"name": "BSD"}]})
    ('CC BY 4.0', None)
    """
    said = dict.fromkeys(text for value in _said(notes) if (text := _text(value)))
    return next(iter(said)) if len(said) == 1 else None


def _said(notes: Attributes) -> Iterator[object]:
    yield from (notes.get("license"), notes.get("licence"))
    roboflow, licenses = notes.get("roboflow"), notes.get("licenses")
    if isinstance(roboflow, Mapping):
        yield roboflow.get("license")
    for one in licenses if isinstance(licenses, list) else ():
        yield one.get("name") or one.get("url") if isinstance(one, Mapping) else None


def _text(value: object) -> str:
    return value.strip()[:_LONGEST] if isinstance(value, str) else ""
