"""A folder on the server, imported by an administrator: chosen from a list, never typed."""

from __future__ import annotations

import streamlit as st

from clinic.intake import folders
from pages import actions, chooser, links
from pages.session import actor
from web.resources import resources


def show_import() -> None:
    """Offer the folders that are ready, and report the result for each file."""
    parts, who = resources(), actor()
    st.header("From a folder on the server")
    ready = folders.offered(parts.db, parts.settings, who)
    if not ready:
        st.caption("There is no folder to import.")
        return
    st.caption(
        "Each folder in it has the name of a patient on your caseload. A video is a recording, and so are the"
        " pictures of one day. A day in a file's name, such as 2026-03-01, is the day of the recording."
    )
    name = chooser.choose("Folder", {one: one for one in ready}, "import_folder", placeholder="Choose a folder")
    wanted = actions.action(
        "Import this folder",
        "bring_in",
        name or "nothing",
        icon=":material/drive_folder_upload:",
        disabled=name is None,
    )
    if wanted and name is not None:
        with st.status("Checking the files…", expanded=True) as status:
            lines = folders.bring_offered(parts.db, parts.settings, who, name, on_line=_show)
            label = (
                f"{links.plain_text(name)}: {folders.counted(lines)}" if lines else "There is no file in this folder."
            )
            status.update(label=label, state="complete", expanded=True)


def _show(line: folders.FileResult) -> None:
    sign = ":material/check_circle:" if line.result is folders.Result.IMPORTED else ":material/info:"
    st.markdown(f"{sign} **{links.plain_text(line.name)}**: {links.plain_text(line.sentence)}")
