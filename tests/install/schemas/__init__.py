"""Tests of schemas written by strangers."""
