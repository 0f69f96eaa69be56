"""The composition root: builds every room of a running daemon and plugs them into each other. Starts nothing."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from gateway import __version__
from gateway.admin.api import build_admin
from gateway.admin.ports import RunningVerbs
from gateway.admin.web.keys import UiKeys
from gateway.clock import Clock
from gateway.daemon.bus import Bus
from gateway.daemon.http import Router
from gateway.daemon.installs import Installs, Tell
from gateway.daemon.notes import Notes
from gateway.daemon.reload import Reloader
from gateway.daemon.setup import Setup
from gateway.daemon.tokens import ADMIN, AGENTS
from gateway.daemon.toolboard import ToolBoard
from gateway.daemon.workshop import Current, Effects, open_parts, remote_transport, store_url
from gateway.endpoint.endpoint import Endpoint
from gateway.endpoint.gate import Gate
from gateway.endpoint.health import Readiness, health_routes
from gateway.endpoint.metrics import Metrics
from gateway.endpoint.ports import Upstreams
from gateway.endpoint.settings import EndpointConfig
from gateway.endpoint.tokens import Tokens
from gateway.learning.link import LearnerLink
from gateway.learning.live import LivePolicy
from gateway.model import ServerName
from gateway.store.definitions import Definitions
from gateway.store.ledger_sink import LedgerSink
from gateway.store.tombstones import Tombstones
from gateway.supervisor.process import spawn_lines
from gateway.supervisor.supervisor import Supervisor
from gateway.verbs.all import OnlineVerbs
from gateway.verbs.builtin import BuiltinVerbs
from gateway.verbs.parts import Parts, Running
