"""`python -m runbooks`: the same as `aurops`."""

from runbooks.cli import main

main()
