"""Tests of gateway.install.packages."""
