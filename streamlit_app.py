"""The door: `streamlit run streamlit_app.py` starts the app behind its gate, unless its settings are unsafe."""
# ruff: noqa: E402

from __future__ import annotations

import os

from fer_core import core_files
from web.shutdown import prepare_server

# First of all: loading the rest takes seconds, and a start may take minutes.
server = prepare_server()
# What is written belongs to this account alone, whatever the mask of the shell is.
os.umask(0o077)
core_files.leave_none()

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware

from clinic.clock_watch import keep_watch
from clinic.settings import Settings
from pages.navigation import PLACES
from pages.widgets import on_script_error
from web import (
    account,
    collector,
    connections,
    ended_windows,
    frames,
    hosts,
    live,
    log_lines,
    monitoring,
    patient_mode,
    provider,
    sign_in,
    streamlit_protocol,
    tokens,
    watch,
)
from web.api import application as api
from web.gate import Behind, Gate
from web.paths import SIGN_IN
from web.resources import database, first_code_message, resources
from web.routes import routes
from web.startup_check import or_end, refuse_unsafe

refuse_unsafe()
streamlit_protocol.keep_clicks()


@asynccontextmanager
async def start(_app: st.App) -> AsyncIterator[None]:
    """Open everything before the first request; after the installation, print the first code."""
    message = await asyncio.to_thread(or_end, first_code_message)
    if message is not None:
        print(f"\n  {message}\n", flush=True)  # noqa: T201  # the console is where the code belongs
    collector.pass_over_program()
    connections.allow_more()
    log_lines.gather()
    kept = [keep_watch(database()), ended_windows.keep_closing()]
    if server is not None:
        kept.append(connections.keep_closing(server))
        frames.bound(server.config)
    watching = [asyncio.create_task(work) for work in kept]
    yield
    for task in watching:
        task.cancel()
    # Here and not when Python ends: uvicorn gives the signal back, and by that the process ends at once.
    await asyncio.to_thread(resources().supervisor.stop)


own_routes = [
    *sign_in.ROUTES,
    *account.ROUTES,
    *tokens.ROUTES,
    *provider.ROUTES,
    *patient_mode.ROUTES,
    *watch.routes(place.path for place in PLACES),
    *routes(Settings.from_environment, database),
    *monitoring.routes(Settings.from_environment, database),
    *api.routes(Settings.from_environment, database),
]
settings = or_end(Settings.from_environment)
behind = Behind(
    open_db=database,
    is_user_action=streamlit_protocol.is_user_action,
    refusal=streamlit_protocol.refusal,
    sign_out_message=streamlit_protocol.leave_for(SIGN_IN),
    policy=streamlit_protocol.policy(),
    tls=settings.behind_tls,
    need_second_step=settings.need_second_step,
    hosts=hosts.names(st.get_option("server.allowedHosts"), st.get_option("server.address"), settings.behind_tls),
    is_known=lambda path: (
        streamlit_protocol.is_known_path(path) or any(route.path_regex.match(path) for route in own_routes)
    ),
)
app = st.App(
    "pages/shell.py",
    lifespan=start,
    routes=[*own_routes, *live.routes(Settings.from_environment, database)],
    middleware=[Middleware(Gate, behind=behind)],
    on_script_error=on_script_error,
)
