"""Keeps servers alive: lifecycle, processes, health, restarts. `supervisor.py` is its face to the daemon."""
