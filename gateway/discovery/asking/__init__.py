"""Asking one registry over HTTP: pace, retries, deadlines, a breaker, and what its answers mean as errors.

`client` asks, `wire` sends one question, `pacing` gives it its turn, `breaker` leaves a dead registry alone, `memory`
remembers across processes, `drift` counts what the answers have of their own.
"""
