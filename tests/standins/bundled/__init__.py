"""Sources of the servers inside the bundles; they run on their own and import nothing of the tests."""
