"""Makes servers runnable here: from a listing to files on disk and a launch, without running strangers' code.

Decisions are pure (`references`, `rules`, `plan`, `compatibility`, `manifest`, `settings` …); effects stand apart
(`runner`, `npm`, `pypi`, `bundles`, `content`, `installer`). It does not start servers and knows nothing of MCP.
"""
