"""Tests of verdicts and of what they are made from."""
