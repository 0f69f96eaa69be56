"""config.toml as frozen values: one file per section, all problems reported at once with their TOML path. No I/O."""

from gateway.config.reading import load_config
from gateway.config.sections import Config

__all__ = ["Config", "load_config"]
