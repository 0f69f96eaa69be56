"""The supervisor's eighteen promises, each with its number and the faults that try to break it.

Numbers of time are asserted here tenfold, so that a loaded machine passes: bench/supervision.py measures the tight
ones. What makes these tests bite all the same is that the mechanisms that would hide a broken promise (probes, call
deadlines) are set so far away that they cannot explain a pass.
"""
