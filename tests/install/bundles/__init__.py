"""Tests of gateway.install.bundles.bundle."""
