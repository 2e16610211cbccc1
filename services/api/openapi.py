"""`python -m services.api.openapi [--check] FILE`: write docs/openapi.json, or fail when it no longer is the API's."""

import argparse
import json
import sys
from pathlib import Path

from services.api.main import create_app
from services.api.settings import ApiSettings


def main() -> int:
    """0 when the file is, or now is, the API's description."""
    parser = argparse.ArgumentParser(prog="services.api.openapi", description="The API's description as a file.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--check", action="store_true", help="only compare")
    arguments = parser.parse_args()
    text = json.dumps(create_app(ApiSettings()).openapi(), indent=2, sort_keys=True) + "\n"
    if not arguments.check:
        arguments.file.write_text(text)
    elif not arguments.file.is_file() or arguments.file.read_text() != text:
        sys.stderr.write(f"{arguments.file} is not the API's description any more: run `make openapi`.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
