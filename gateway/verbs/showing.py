"""`config show`: everything that is served, as a configuration file that can be pasted elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio

from gateway.config.render import render_config
from gateway.config.server import ServerSection
from gateway.store.installed import InstalledServer
from gateway.verbs.connecting.plan import via_of
from gateway.verbs.definitions import SERVER_ITSELF
from gateway.verbs.parts import Parts

Json = dict[str, Any]


async def config_show(parts: Parts) -> Json:
    """The union of the file and the installed servers, as TOML that can be pasted."""
    config = parts.config()
    sections = {section.name: section for section in config.server}
    for server in await parts.installed.all():
        if server.spec.name not in sections:
            sections[server.spec.name] = await installed_section(parts, server)
    whole = replace(config, server=tuple(sections[name] for name in sorted(sections)))
    return {"toml": render_config(whole), "file": str(parts.config_file) if parts.config_file else None}


async def installed_section(parts: Parts, server: InstalledServer) -> ServerSection:
    """The `[[server]]` block that would install the same server: the same content, the same tool definitions."""
    spec = server.spec
    return ServerSection(
        name=spec.name,
        from_=_pinned_reference(server),
        via=via_of(spec),
        sha256=await _bundle_hash(parts, server),
        prefix=spec.prefix,
        required=spec.required,
        session=spec.session.value,
        config=dict(server.settings),
        secrets=tuple(server.secret_keys),
        pins={tool or SERVER_ITSELF: pin for tool, pin in (await parts.definitions.all_pins(spec.name)).items()},
    )


def _pinned_reference(server: InstalledServer) -> str:
    """Where the server came from, with the version for those registries that can be asked for one."""
    reference = server.spec.from_ or server.from_ref
    if reference.startswith("oci:") and "@sha256:" not in reference and server.sha256:
        return f"{reference}@sha256:{server.sha256}"
    names_none = reference.startswith("registry:") and "@" not in reference
    return f"{reference}@{server.version}" if names_none and server.version else reference


async def _bundle_hash(parts: Parts, server: InstalledServer) -> str:
    """The hash of the bundle it was unpacked from; "" for everything else, which its version or address pins."""
    if server.files is None or "#sha256=" in (server.spec.from_ or server.from_ref):
        return ""
    receipt = await anyio.to_thread.run_sync(parts.installer.store.receipt, server.files)
    is_bundle = receipt is not None and receipt.reference.startswith("mcpb:")
    return (server.sha256 or "") if is_bundle else ""
