"""The invariants of ARCHITECTURE.md, each as a test that first asserts that it looked at something."""
