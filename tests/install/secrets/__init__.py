"""Tests of gateway.install.secrets."""
