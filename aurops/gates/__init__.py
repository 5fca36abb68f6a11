"""Gates: steps that wait. What a file says of them, how they are looked at, and the pure judgement of what was seen.

A gate is open, closed, or unknown; unknown never opens. All gates of a stage are looked at together and pass together,
so that no old answer stands beside a new one. Between two looks nothing runs and nothing is held: whoever takes the run
up looks again (docs/gates.md).
"""
