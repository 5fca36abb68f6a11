"""What `pulumi up` runs in the repository's root; `aurops` runs `stacks.program.main` inline instead."""

from pathlib import Path

import pulumi

from aurops.errors import AuropsError
from stacks.program import main

try:
    main(Path(__file__).parent)
except AuropsError as error:
    # The one kind of exception that Pulumi's CLI prints without a traceback.
    raise pulumi.RunError(str(error)) from None
