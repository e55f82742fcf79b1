"""Every click is carried out, or a sentence says that it may not have been: whatever cuts a run off or has gone."""

from __future__ import annotations

import pytest
from streamlit.errors import FragmentStorageKeyError
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.fragment import MemoryFragmentStorage
from streamlit.testing.v1 import AppTest

from web import streamlit_protocol


def page():
    """A page of two buttons, of which each part can be left out; `cut` says where this run is cut off.

    Streamlit cuts a run off by the exception that `st.stop` raises.
    """
    import streamlit as st

    from pages import actions, clicks

    def cut_off(where):
        if st.session_state.get("cut") == where:
            st.session_state["cut"] = None
            st.stop()

    done = st.session_state.setdefault("done", [])
    with clicks.run():
        cut_off("start")
        for what in st.session_state.setdefault("drawn", ["open", "store"]):
            if actions.action(what.title(), what, "one", opens=what == "open"):
                cut_off("between")
                done.append(what)
                cut_off("after")
    clicks.show_notes()


@pytest.fixture
def app():
    return AppTest.from_function(page).run()


def click(app, what):
    return next(one for one in app.button if one.key == f"{what}:one").click().run()


def said(app):
    return [one.value for one in app.warning]


@pytest.mark.parametrize("what", ["open", "store"])
def test_a_click_whose_run_is_cut_off_before_the_button_is_carried_out_by_the_next(app, what):
    app.session_state["cut"] = "start"
    click(app, what)
    assert app.session_state["done"] == []
    app.run()
    assert (app.session_state["done"], said(app)) == ([what], [])
    app.run()
    assert app.session_state["done"] == [what]


def test_what_only_opens_is_begun_again_where_it_was_cut_off(app):
    app.session_state["cut"] = "between"
    click(app, "open")
    app.run()
    assert (app.session_state["done"], said(app)) == (["open"], [])
    app.run()
    assert app.session_state["done"] == ["open"]


@pytest.mark.parametrize("where", ["between", "after"])
def test_what_stores_is_not_begun_again_but_somebody_is_asked_to_look(app, where):
    app.session_state["cut"] = where
    click(app, "store")
    app.run()
    assert app.session_state["done"] == (["store"] if where == "after" else [])
    assert said(app) == [
        "The page was drawn again while “Store” was being carried out. Please check whether it was done."
    ]


@pytest.mark.parametrize("cut", [None, "start"])
@pytest.mark.parametrize("what", ["open", "store"])
def test_a_click_that_meets_another_page_is_reported_by_name_until_it_is_closed_or_repeated(app, what, cut):
    app.session_state["drawn"], app.session_state["cut"] = [], cut
    click(app, what)
    app.run()
    assert app.session_state["done"] == []
    missed = (
        "Nothing was done: what was on the screen has changed since, or is no longer there. Please look again."
        f" If it is still to be done, click “{what.title()}” again."
    )
    assert said(app) == [missed]
    # It stays where another page was gone to before anybody could read it.
    assert said(app.run()) == [missed]
    app.session_state["drawn"] = [what]
    app.run()
    click(app, what)
    assert (app.session_state["done"], said(app)) == ([what], [])


def test_a_sentence_is_closed(app):
    app.session_state["drawn"] = []
    click(app, "store")
    assert len(said(app)) == 1
    app.button[-1].click().run()
    assert said(app) == []


def two_parts():
    """Two parts of a page: that of a timer, and that in which the button stands."""
    import streamlit as st

    from pages import actions, clicks

    done = st.session_state.setdefault("done", [])
    with clicks.run("timer"):
        st.write("every three seconds")
    clicks.show_notes("timer")
    with clicks.run("window"):
        if "window" not in st.session_state.get("gone", []) and actions.action("Store", "store", "one"):
            done.append("store")
    clicks.show_notes("window")


@pytest.mark.parametrize("gone", [False, True])
def test_a_timer_s_part_that_runs_before_the_click_s_says_nothing_of_it(monkeypatch, gone):
    """It said that nothing was done, and then the click was carried out."""
    app = AppTest.from_function(two_parts).run()
    app.session_state["gone"] = ["window"] if gone else []
    parts = ["timer", "window"]
    monkeypatch.setattr(streamlit_protocol, "parts_of_run", lambda: parts)
    click(app, "store")
    assert (app.session_state["done"], len(said(app))) == (([], 1) if gone else (["store"], 0))


def judging():
    """A run that comes to a button, and a second one to which Streamlit reports the same click again."""
    import streamlit as st

    from pages import clicks

    with clicks.run():
        clicks.remember("store:one")
        first = clicks.is_due("store:one", clicked=True)
        clicks._run.at = object()
        st.session_state["judged"] = [first, clicks.is_due("store:one", clicked=True)]


def test_a_click_that_is_reported_again_is_not_judged_again():
    assert AppTest.from_function(judging).run().session_state["judged"] == [True, False]


def places():
    """The page with its sentence, or a part of it alone."""
    import streamlit as st

    from pages import clicks

    if not st.session_state.setdefault("part", ""):
        clicks.say("Nothing was done.", "store:one")
    clicks.show_notes(st.session_state["part"], in_window={"store:one"} if st.session_state["part"] == "window" else ())


def test_a_sentence_stands_once():
    app = AppTest.from_function(places).run()
    assert len(said(app)) == 1
    # A timer runs a part alone while the sentence stands on the page, which a window hides.
    for part, sentences in (("timer", 0), ("window", 1), ("timer", 0)):
        app.session_state["part"] = part
        assert len(said(app.run())) == sentences


def refusing():
    """A part of a page that runs again each second; what is stored in it is refused as long as `open` is not set."""
    import streamlit as st

    from fer_core.errors import FerError
    from pages import actions, clicks
    from pages.widgets import show_errors

    with clicks.run("timer"), show_errors():
        if actions.action("Store", "store", "one") and not st.session_state.get("open"):
            raise FerError("Somebody was faster.", "conflict")
    clicks.show_notes("timer")


def test_a_refusal_stands_until_the_next_click():
    """The part ran again in a second without it, and the click was as if lost."""
    app = AppTest.from_function(refusing).run()
    click(app, "store")
    assert ([one.value for one in app.error], said(app)) == (["Somebody was faster."], [])
    for _ in range(2):
        app.run()
        assert ([one.value for one in app.error], said(app)) == ([], ["Somebody was faster."])
    app.session_state["open"] = True
    click(app, "store")
    assert (list(app.error), said(app)) == ([], [])


def incomplete():
    import streamlit as st

    from pages import actions, clicks

    with clicks.run(), st.form("form"):
        if actions.submit("Record", "add", "one", needs={"the condition": None, "the day": "today"}):
            st.success("stored")
    clicks.show_notes()


def test_a_form_in_which_something_is_missing_says_so():
    app = click(AppTest.from_function(incomplete).run(), "add")
    assert [one.value for one in app.error] == ["Nothing was stored. Please give the condition."]
    assert (list(app.success), said(app)) == ([], [])


def test_a_click_that_the_session_does_not_know_is_reported(app):
    """The page's last whole run took the button away: there is no callback, and no name but that of its key."""
    states = WidgetStates(widgets=[WidgetState(id="$$ID-0123-delete:another", trigger_value=True)])
    app._run(states)
    assert [text.split(":")[0] for text in said(app)] == ["Nothing was done"]
    assert app.session_state["done"] == []
    app.session_state["said_of_clicks"] = []
    assert said(app.run()) == []


def test_a_click_in_a_part_with_a_script_of_its_own_that_is_gone_is_reported(app):
    app._run(WidgetStates(widgets=[WidgetState(id="$$ID-0123-player__events", json_trigger_value='[{"event": "a"}]')]))
    assert len(said(app)) == 1


@pytest.mark.parametrize(("rows", "sentences"), [("[1]", 1), ("[]", 0)])
def test_a_row_of_a_list_that_is_another_one_now_is_reported(app, rows, sentences):
    chosen = WidgetState(id="$$ID-0123-rows:recordings:77", string_value=f'{{"selection": {{"rows": {rows}}}}}')
    app._run(WidgetStates(widgets=[chosen]))
    assert [text.endswith("choose the row again.") for text in said(app)] == [True] * sentences
    assert app.session_state["done"] == []


def test_the_second_half_of_a_double_click_is_not_reported(app):
    click(app, "store")
    app.session_state["drawn"] = []
    app._run(WidgetStates(widgets=[WidgetState(id="$$ID-0123-store:one", trigger_value=True)]))
    assert (app.session_state["done"], said(app)) == (["store"], [])


class Session:
    """A session of Streamlit's that has one part of a page, and keeps what it is asked to run."""

    def __init__(self):
        self.asked = []

    def has_fragment(self, fragment_id):
        return fragment_id == "there"


@pytest.fixture
def kept(monkeypatch):
    """Let the session's requests and the parts go through what keeps clicks; put both back at the end."""
    monkeypatch.setattr(AppSession, "request_rerun", lambda session, state: session.asked.append(state))
    monkeypatch.setattr(MemoryFragmentStorage, "lookup", MemoryFragmentStorage.lookup)
    streamlit_protocol.keep_clicks()
    return Session()


@pytest.mark.parametrize(
    ("part", "clicked", "run"),
    [("there", True, "there"), ("gone", True, ""), ("gone", False, "gone"), ("", True, "")],
)
def test_a_click_in_a_window_that_is_closed_runs_the_page(kept, part, clicked, run):
    state = ClientState(fragment_id=part)
    state.widget_states.widgets.add(id="$$ID-0123-store:one", trigger_value=clicked)
    AppSession.request_rerun(kept, state)
    assert [(one.fragment_id, len(one.widget_states.widgets)) for one in kept.asked] == [(run, 1)]
    AppSession.request_rerun(kept, None)
    assert kept.asked[-1] is None


def test_a_click_whose_part_went_before_its_turn_runs_the_page(kept, monkeypatch):
    import streamlit

    parts = MemoryFragmentStorage()
    with pytest.raises(FragmentStorageKeyError):
        parts.lookup("gone")
    monkeypatch.setattr(streamlit_protocol, "clicked", lambda: {"store:one": False})
    assert parts.lookup("gone") is streamlit.rerun


def patients_page():
    """A page about one patient: by its address, or by a choice in it; what is stored of Anna by `save` is refused."""
    import streamlit as st

    from fer_core.errors import FerError
    from pages import actions, clicks
    from pages.widgets import show_errors

    with clicks.run():
        whose = st.query_params.get("patient") or st.session_state["chosen"]
        clicks.about(st.session_state["chosen"])

        @actions.part(run_every=1)
        def form():
            with show_errors():
                if actions.action("Save", "save", f"{whose}:1") and whose == "anna":
                    raise FerError("Another user changed this patient.", "conflict")
                actions.action("Print", "print", f"{whose}:1")
                actions.action("Look", "look", f"{whose}:1", opens=True)

        form()
    clicks.show_notes()


def refused(address):
    app = AppTest.from_function(patients_page)
    app.session_state["chosen"] = None if address else "anna"
    if address:
        app.query_params["patient"] = "anna"
    app.run()
    next(one for one in app.button if one.key == "save:anna:1").click().run()
    assert [one.value for one in app.error] == ["Another user changed this patient."]
    assert said(app.run()) == said(app.run()) == ["Another user changed this patient."]
    return app


@pytest.mark.parametrize("address", [True, False], ids=["address", "choice"])
def test_a_refusal_of_one_patient_doesnt_stand_on_another_s_page(address):
    app = refused(address)
    (app.query_params if address else app.session_state)["patient" if address else "chosen"] = "ben"
    assert said(app.run()) == []
    (app.query_params if address else app.session_state)["patient" if address else "chosen"] = "anna"
    assert said(app.run()) == [], "it isn't drawn out of its place when somebody comes back either"


@pytest.mark.parametrize(("what", "stays"), [("print", False), ("look", True)])
def test_a_refusal_goes_when_something_else_is_done_with_the_record(what, stays):
    app = refused(address=True)
    next(one for one in app.button if one.key == f"{what}:anna:1").click().run()
    assert bool(said(app)) is stays


@pytest.mark.parametrize(("then", "stays"), [({}, True), ({"patient": "ben"}, False)], ids=["general", "another"])
def test_that_a_click_was_lost_is_said_on_the_next_page_too_but_not_on_another_patient_s(then, stays):
    app = AppTest.from_function(page)
    app.query_params["patient"] = "anna"
    app.run()
    app.session_state["drawn"] = []
    click(app, "store")
    assert len(said(app)) == 1
    app.query_params.clear()
    app.query_params.update(then)
    assert bool(said(app.run())) is stays
