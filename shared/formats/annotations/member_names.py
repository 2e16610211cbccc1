"""What the name of a member says: whether it is an image, and where it lies."""

IMAGE_SUFFIXES = frozenset(
    ("avif", "bmp", "dng", "heic", "heif", "jp2", "jpeg", "jpg", "mpo", "png", "tif", "tiff", "webp")
)


def is_image(name: str) -> bool:
    """Whether a member is an image by its ending, and neither hidden nor what macOS puts beside files."""
    dot = name.rfind(".")
    return dot >= 0 and name[dot + 1 :].lower() in IMAGE_SUFFIXES and not is_hidden(name)


def is_hidden(name: str) -> bool:
    """Whether a member, or a folder it lies in, is hidden or what macOS puts beside files."""
    return name[:1] == "." or "/." in name or "__MACOSX/" in name


def directory_of(name: str) -> str:
    """The member's directory with its closing `/`; empty for the archive's root."""
    return name[: name.rfind("/") + 1]


def without_ending(name: str) -> str:
    """The member's name without what follows the last dot of its file name."""
    dot = name.rfind(".")
    return name[:dot] if dot > name.rfind("/") else name


def stem_of(name: str) -> str:
    """The file's name without its folders and its ending."""
    return without_ending(name)[name.rfind("/") + 1 :]
