"""`python -m services.cli` is `datayard`."""

from services.cli.main import main

main()
