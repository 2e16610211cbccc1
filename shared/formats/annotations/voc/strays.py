"""Which image an XML file that pairs with none by its own name says it is of."""

import re

_FILE_NAME = re.compile(rb"<filename>\s*([^<]{1,4000}?)\s*</filename>")
_MOST_BYTES = 64 << 10


class FileNameScan:
    """Finds `<filename>` near the beginning of an annotation."""

    def __init__(self) -> None:
        self.file_name = ""
        self._head = b""

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        self._head += data[: _MOST_BYTES - len(self._head)]

    def close(self) -> None:
        """Note that this was all."""
        if found := _FILE_NAME.search(self._head):
            self.file_name = found[1].decode("utf-8", "replace")
        self._head = b""
