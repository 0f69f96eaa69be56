"""MCPB bundles: the manifest, our own extractor, and how a bundle is started."""
