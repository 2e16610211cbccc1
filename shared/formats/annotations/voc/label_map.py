"""`labelmap.txt`, the categories of a VOC dataset as CVAT and Datumaro write them: `name:color:parts:actions`.

https://docs.cvat.ai/docs/manual/advanced/formats/format-voc/
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

NAME = "labelmap.txt"
HEADER = "# label:color_rgb:parts:actions\n"

_FIELDS = 4
_BACKGROUND = ("background", "0,0,0", "", "")


def names_of(lines: Iterable[str]) -> Iterator[str]:
    """The names that the lines give, or the lines themselves where they are a plain list of names.

    The background of masks, by its name and its black, is no category.

    >>> list(names_of(["# label:color_rgb:parts:actions", "background:0,0,0::", "cat:1,2,3:ear,tail:", "a dog"]))
    ['cat', 'a dog']
    """
    for line in map(str.strip, lines):
        fields = line.split(":")
        if len(fields) != _FIELDS:
            yield line
        elif not line.startswith("#") and tuple(fields) != _BACKGROUND:
            yield fields[0]


def label_map(categories: Sequence[str], parts: Mapping[str, Iterable[str]]) -> str:
    """The file for these categories, each with the names of its parts; what cannot be said in it is left out.

    >>> label_map(["cat", "a:b"], {"cat": ["ear", "tail"]})
    '# label:color_rgb:parts:actions\\ncat::ear,tail:\\n'
    """
    lines = [f"{name}::{','.join(parts.get(name, ()))}:\n" for name in categories if can_be_said(name)]
    return HEADER + "".join(lines)


def can_be_said(name: str) -> bool:
    """Whether a line can give the name, so that all readers take it for this one."""
    return name == name.strip() and name.isprintable() and not name.startswith("#") and ":" not in name and name != ""
