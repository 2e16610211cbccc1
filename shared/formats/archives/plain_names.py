"""Whether many names at once are as plain as nearly all names are, told without looking at each of them."""

from collections.abc import Sequence

LONGEST_PLAIN = 1024

# what each byte counts as: a letter or digit, another plain character, a slash, the end of a name, anything else
_CLASSES = bytes(
    ord("a") if byte < 128 and chr(byte).isalnum()
    else ord("-") if byte in b" .()+@=,-_"
    else byte if byte in b"/\n"
    else ord("!")
    for byte in range(256)
)  # fmt: skip
_ODD = (b"!", b"/-", b"\n-", b"//", b"/\n", b"\n/", b"\n\n")
_LEFT_BEHIND = (b"thumbs.db\n", b"desktop.ini\n")


def all_plain(names: Sequence[bytes]) -> bool:
    """Whether every name is a relative path of ASCII parts that begin with a letter or digit, and of no system file.

    Says no where that is not certain: such names have to be judged one by one.
    """
    text = b"\n".join((b"", *names, b""))
    if text.count(b"\n") != len(names) + 1:
        return False
    classes = text.translate(_CLASSES)
    if any(odd in classes for odd in _ODD) or max(map(len, names), default=0) > LONGEST_PLAIN:
        return False
    lower = text.lower()
    return not any(name in lower for name in _LEFT_BEHIND)
