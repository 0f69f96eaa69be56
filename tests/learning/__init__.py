"""Tests of gateway/learning."""
