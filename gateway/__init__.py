"""mcp-gateway: finds, installs and supervises MCP servers, shows their tools at one endpoint, learns which to offer.

The primitives, in the order in which they meet:

* a **listing** is what a registry says about a **server**; it is a claim, nothing more;
* an **install plan** says what would be fetched and run; carrying it out leaves a **server spec** in the store;
* the **supervisor** keeps one **child** per spec alive: six states in one table, health beside it;
* a child that has shaken hands is an **upstream**; its tools join the **toolset**, under **exposed names**;
* the **endpoint** answers `tools/list` from memory and relays a **call** to its upstream, payload untouched;
* whatever happens is a **fact**; the ledger keeps facts, the **policy** learns from them;
* a **decision** says which tools were shown, in which order, how likely that was; a **reward** finds it later by id.

Start reading in `ARCHITECTURE.md`.
"""

__version__ = "0.1.0"
