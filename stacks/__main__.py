"""What `pulumi up` runs in the repository's root; `aurops` runs `stacks.program.main` inline instead."""

from pathlib import Path

from stacks.program import main

main(Path(__file__).parent)
