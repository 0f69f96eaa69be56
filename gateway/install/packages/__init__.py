"""Packages of npm and PyPI: locked, fetched without running anything of theirs, installed."""
