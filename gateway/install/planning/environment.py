"""Exact environments: what installers may see of ours, and what installed children get. No I/O.

Installers need the operator's way to the registries (proxies, certificates, index settings) and nothing secret of the
daemon; children get a private home and nothing of ours but PATH and LANG.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.install.planning.machine import Machine

_PASSED_EXACTLY = {
    "HOME",
    "PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_DATA_HOME",
    "NETRC",
}
_PASSED_PREFIXES = ("PIP_", "UV_", "NPM_CONFIG_", "npm_config_")
# These would undo what our own command lines promise.
_NEVER_PASSED = {
    "UV_NO_VERIFY_HASHES",
    "UV_EXCLUDE_NEWER",
    "UV_PRERELEASE",
    "UV_OFFLINE",
    "UV_PYTHON",
    "UV_PROJECT_ENVIRONMENT",
    "UV_SYSTEM_PYTHON",
    "UV_BREAK_SYSTEM_PACKAGES",
    "UV_TARGET",
    "UV_CONSTRAINT",
    "UV_OVERRIDE",
    "UV_BUILD_CONSTRAINT",
    "UV_NO_BINARY",
    "UV_NO_BINARY_PACKAGE",
    "UV_ONLY_BINARY",
    "UV_LINK_MODE",
    "UV_COMPILE_BYTECODE",
    "UV_VENV_SEED",
    "UV_RESOLUTION",
}
_NPM_NEVER = {
    "ignore_scripts",
    "before",
    "min_release_age",
    "global",
    "location",
    "prefix",
    "node_options",
    "script_shell",
}
# pip's words for what uv calls otherwise: an operator who configured pip has configured us.
_PIP_TO_UV = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_CERT": "SSL_CERT_FILE"}


def installer_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Choose from the daemon's environment what npm and uv need to reach their configured registries."""
    chosen = {
        key: value
        for key, value in environ.items()
        if (key in _PASSED_EXACTLY or key.startswith(_PASSED_PREFIXES)) and not _undoes_us(key)
    }
    for pip_key, uv_key in _PIP_TO_UV.items():
        if pip_key in chosen and uv_key not in chosen and "UV_INDEX_URL" not in chosen:
            chosen[uv_key] = chosen[pip_key]
    # The machine's certificate store, as every other program here uses; uv's older name for it is set as well.
    chosen.setdefault("UV_SYSTEM_CERTS", "1")
    chosen.setdefault("UV_NATIVE_TLS", "1")
    chosen["UV_PYTHON_DOWNLOADS"] = "never"
    chosen["NO_UPDATE_NOTIFIER"] = "1"
    chosen["npm_config_update_notifier"] = "false"
    return chosen


def _undoes_us(key: str) -> bool:
    if key in _NEVER_PASSED:
        return True
    lower = key.lower()
    return lower.startswith("npm_config_") and lower.removeprefix("npm_config_").replace("-", "_") in _NPM_NEVER


def child_environment(machine: Machine, data: str) -> dict[str, str]:
    """What every installed child gets, before its own variables; `data` is its private folder."""
    return {"PATH": machine.path, "HOME": data, "LANG": machine.lang, "TMPDIR": f"{data}/tmp"}  # noqa: S108 - a folder of its own


_DENIED_PREFIXES = ("LD_", "DYLD_", "PYTHON", "NPM_CONFIG_", "UV_", "PIP_", "GIT_", "BASH_")
_DENIED = {
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "SHELL",
    "ENV",
    "IFS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PERL5OPT",
    "PERL5LIB",
    "RUBYOPT",
    "RUBYLIB",
    "JAVA_TOOL_OPTIONS",
    "CLASSPATH",
}


def why_variable_denied(name: str) -> str | None:
    """Say why a stranger may not set this environment variable of a child; None when it may."""
    if not name or not name.isascii() or not name.replace("_", "a").isalnum() or name[0].isdigit():
        return "it is not a proper name of an environment variable"
    upper = name.upper()
    if upper in _DENIED or upper.startswith(_DENIED_PREFIXES):
        return "it changes how programs are loaded or which code they run"
    return None
