"""A soak: the real daemon under load and random faults for minutes. `python -m tests.soak --minutes 20 --seed 1`."""
