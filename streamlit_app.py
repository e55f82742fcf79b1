"""The door: `streamlit run streamlit_app.py` starts the app behind its gate, unless its settings are unsafe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware

from clinic.gate import SIGN_IN, Behind, Gate
from clinic.routes import routes
from clinic.settings import Settings
from pages.ui import doors, protocol, provider_door, watch, your_account
from pages.ui.ending import end_soon
from pages.ui.resources import database, welcome
from pages.ui.safety import refuse_unsafe
from pages.ui.widgets import on_script_error

refuse_unsafe()


@asynccontextmanager
async def start(_app: st.App) -> AsyncIterator[None]:
    """Open everything before the first request, and greet one who has just installed the program."""
    end_soon()
    said = await asyncio.to_thread(welcome)
    if said is not None:
        print(f"\n  {said}\n", flush=True)  # noqa: T201  # the console is where the code belongs
    yield


behind = Behind(
    open_db=database,
    is_deed=protocol.is_deed,
    farewell=protocol.leave_for(SIGN_IN),
    policy=protocol.policy(),
    tls=Settings.from_environment().behind_tls,
    need_second_step=Settings.from_environment().need_second_step,
)
app = st.App(
    "pages/ui/shell.py",
    lifespan=start,
    routes=[
        *doors.ROUTES,
        *your_account.ROUTES,
        *provider_door.ROUTES,
        *watch.ROUTES,
        *routes(Settings.from_environment, database),
    ],
    middleware=[Middleware(Gate, behind=behind)],
    on_script_error=on_script_error,
)
