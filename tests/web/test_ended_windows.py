"""What a window held is given back a minute after its line ended, and is there for one that comes back before."""

import os
from unittest.mock import MagicMock

from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.script_data import ScriptData
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from tests import loops
from web.ended_windows import KEPT_S, EndedWindows, without_window


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def test_ended_windows_give_back_all_their_descriptors(tmp_path):
    async def on_the_loop():
        # Streamlit's own sessions, as its server keeps them, without a server.
        manager = WebsocketSessionManager(MemorySessionStorage(), MagicMock(), ScriptCache(), None)
        ended, before = EndedWindows(), descriptors()
        for _ in range(5):
            manager.disconnect_session(manager.connect_session(MagicMock(), ScriptData(str(tmp_path / "page.py")), {}))
        held = descriptors()
        assert held >= before + 3 * 5, "an event loop each"
        ended.close_due(without_window(manager), manager, 100.0)
        assert (descriptors(), len(without_window(manager))) == (held, 5), "they may come back"
        ended.close_due(without_window(manager), manager, 100.0 + KEPT_S)
        assert (descriptors(), without_window(manager)) == (before, set())

    loops.run(on_the_loop())


def test_a_window_that_comes_back_goes_on_and_counts_again(tmp_path):
    async def on_the_loop():
        manager = WebsocketSessionManager(MemorySessionStorage(), MagicMock(), ScriptCache(), None)
        data, ended = ScriptData(str(tmp_path / "page.py")), EndedWindows()
        session_id = manager.connect_session(MagicMock(), data, {})
        manager.disconnect_session(session_id)
        ended.close_due(without_window(manager), manager, 0.0)
        assert manager.connect_session(MagicMock(), data, {}, existing_session_id=session_id) == session_id
        ended.close_due(without_window(manager), manager, KEPT_S)
        assert manager.is_active_session(session_id)
        manager.disconnect_session(session_id)
        ended.close_due(without_window(manager), manager, KEPT_S + 1)
        assert without_window(manager) == {session_id}
        manager.close_session(session_id)

    loops.run(on_the_loop())
