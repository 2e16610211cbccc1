"""Text as databases and terminals take it: without the halves of surrogate pairs that JSON can hold."""


def storable(text: str) -> str:
    """The text, with `?` for what is no character.

    >>> storable("caf\\u00e9 \\ud800")
    'café ?'
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
