"""Text as databases take it: without NUL, and without the halves of surrogate pairs that JSON can hold."""


def storable(text: str) -> str:
    """The text, with `?` for what is no character.

    >>> storable("caf\\u00e9 \\ud800\\0")
    'café ?'
    """
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.encode("utf-8", "replace").decode().replace("\0", "")
