"""Container images: named exactly, pulled and pinned by digest, run by `docker run` with nothing it does not need."""
