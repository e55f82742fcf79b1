"""What stands nowhere in the program: HTML from data, patients in caches, pickles, SQL as text, names in logs.

Nor, in the pages: choices that are resolved by their label, days that a box keeps to itself, actions without a target.
"""

import ast
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("pages", "web", "clinic", "backup", "storage", "db", "fer_core", "train", "benchmarks")

HTML_FILES = {"web/page.py", "web/watch.py", "web/routes.py"}
"""The pages outside Streamlit, where everything from outside is escaped, Streamlit's own page, and the notice."""
MARKUP_FILES = {"web/page.py", "web/account.py", "clinic/reports/page.py"}
"""The style of those pages, and a QR code that is drawn here."""
HTML_CALLS = {"st.html", "components.html", "st.components.v1.html"}
CACHED = {
    ("clinic/accounts/passwords.py", "_hash_of_nobody"),
    ("clinic/exchange/summary_checks.py", "_adapter"),
    ("clinic/settings.py", "_read"),
    ("clinic/worker/cluster.py", "_opened"),
    ("clinic/environment.py", "zone_names"),
    ("fer_core/carry.py", "_hints"),
    ("fer_core/reading/intervals.py", "student_quantile"),
    ("fer_core/decoder/hdr.py", "_light_of"),
    ("fer_core/decoder/hdr.py", "_shown"),
    ("web/watch.py", "_frame"),
    ("benchmarks/clinics.py", "who"),
    ("db/migrate.py", "_script_in"),
}
"""Functions whose results are kept for everybody: none of them has seen a patient."""
SQL_FILES = {
    "backup/attached.py",
    "backup/backup.py",
    "db/connection.py",
    "db/copies.py",
    "db/engine.py",
    "backup/erasures.py",
    "db/migrate.py",
    "db/probe.py",
    "backup/transfer.py",
}
"""What works on SQLite files before, or below, the tables: everything else asks SQLAlchemy."""
SQL_CALLS = {"execute", "executemany", "executescript", "exec_driver_sql"}
SQL_MADE = {
    "db/connection.py",
    "db/copies.py",
    "db/migrate.py",
    "db/migrations/versions/0002_accounts_and_audit.py",
}
"""Where a statement is put together: of the program's own constants and the schema's own names."""

UNDO = "monkeypatch" + ".undo()"

CHOOSER, ACTIONS, DAY_BOX = "pages/chooser.py", "pages/actions.py", "pages/widgets.py"
CHOICES = {"selectbox", "multiselect", "radio", "pills", "segmented_control", "select_slider", "menu_button"}
BUTTONS = {"button", "form_submit_button"}
NOTES_OF_CLICKS = "pages/clicks.py"
"""Its one button closes a sentence, and a lost click on it leaves the sentence where it is."""

SHUT_WAYS = {"file_uploader", "camera_input", "audio_input", "download_button", "chat_input"}
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
PERSONAL = {
    "name", "note", "email", "patient", "display_name", "source_name", "password", "passphrase", "token", "secret",
    "code", "reason", "form", "claims", "identity", "request", "cookies", "error", "exception", "exc",
}  # fmt: skip
"""Names of values that may say who somebody is, or open something."""
HARMLESS = {
    "type(error).__name__",
    "errno.errorcode.get(error.errno or 0, 'OSError')",
    "error.message",
    "_where(error)",
    "_place(error)",
    "finding.name",
    "code",
}
"""Of an error its kind, its place, and the sentence of a FerError; a check's name; a process's exit code."""

DECODERS = {"av", "cv2", "imageio", "pillow_heif", "moviepy", "decord", "torchvision.io", "torchcodec"}
OPENING = {
    "Image.open",
    "PIL.Image.open",
    "cv2.imread",
    "cv2.imdecode",
    "cv2.VideoCapture",
    "mpimg.imread",
    "plt.imread",
}
HEADINGS, WRITES_MARKDOWN = ("title", "header", "subheader"), ("markdown", "write", "caption")
BOXES, ESCAPES = ("error", "warning", "info", "success", "toast"), {"plain_sentence", "plain_text", "plain_lines"}
READS = ("fer_core/decoder/",)
"""The process without rights."""
WRITE_VIDEO = {"fer_core/media/annotate.py", "clinic/worker/selftest.py"}
"""They encode pictures of their own, and open nothing."""
OWN_FILES = ("train/", "benchmarks/")
"""They read data sets and clips that whoever runs them has chosen, and no patient's."""


def sources():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    yield "streamlit_app.py", (ROOT / "streamlit_app.py").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def nodes(tree):
    """Return all nodes of a file, which each rule looks through."""
    return tuple(ast.walk(tree))


def written(node):
    """Return a name as it is written, such as ``st.html``; `ast.unparse` takes twenty times as long."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{written(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ast.unparse(node)


def called(node):
    """Return the last part of what a call calls, such as ``execute`` of ``session.execute(...)``."""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def calls(tree):
    return [node for node in nodes(tree) if isinstance(node, ast.Call)]


def unsafe_html(name, tree):
    for node in nodes(tree):
        if (
            isinstance(node, ast.keyword)
            and (node.arg or "").startswith("unsafe_")
            and ast.unparse(node.value) != "False"
        ):
            yield node.arg
        if isinstance(node, ast.Call) and written(node.func) in (
            "st.html",
            "components.html",
            "st.components.v1.html",
        ):
            yield written(node.func)
        if isinstance(node, ast.Call) and called(node) == "HTMLResponse" and name not in HTML_FILES:
            yield "HTMLResponse"
        if isinstance(node, ast.Call) and called(node) == "Markup" and name not in MARKUP_FILES:
            yield "Markup"


def caches(name, tree):
    for node in nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for decorator in node.decorator_list:
                if "cache" in ast.unparse(decorator) and (name, node.name) not in CACHED:
                    yield node.name
        elif isinstance(node, ast.Attribute) and node.attr in ("cache_data", "cache_resource"):
            yield node.attr


def pickles(name, tree):
    for node in nodes(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (found for found in names if found.split(".")[0] in PICKLES)
    for node in calls(tree):
        reported = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if written(node.func) == "torch.load" and reported.get("weights_only") != "True":
            yield "torch.load"
        if reported.get("allow_pickle", "False") != "False":
            yield "allow_pickle"


def sql(name, tree):
    for node in calls(tree):
        if (called(node) not in SQL_CALLS and written(node.func) != "text") or not node.args:
            continue
        first = node.args[0]
        literal = isinstance(first, ast.Constant) and isinstance(first.value, str)
        made = isinstance(first, (ast.JoinedStr, ast.BinOp))
        if (made and name not in SQL_MADE) or (literal and name not in SQL_FILES and "/versions/" not in name):
            yield ast.unparse(first)


def without_harmless(node):
    """Yield the parts of an expression, save those of which `HARMLESS` says that they may be said."""
    if ast.unparse(node) in HARMLESS:
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from without_harmless(child)


def names_in_logs(name, tree):
    for node in calls(tree):
        levels = ("debug", "info", "warning", "error", "exception", "critical", "log")
        owner = written(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        if called(node) not in levels or owner not in ("log", "logger", "logging", "_log"):
            continue
        if called(node) == "exception" or any(keyword.arg == "exc_info" for keyword in node.keywords):
            yield "a traceback, whose last line may say anything"
        message, *values = node.args
        if not isinstance(message, ast.Constant):
            yield "a message that is put together"
        for value in values:
            if isinstance(value, ast.Call) and written(value.func) == "', '.join":
                # Counts by the words of the program, in clinic/erasure/retention.py.
                continue
            for part in without_harmless(value):
                found = part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "")
                if found in PERSONAL:
                    yield ast.unparse(value)


def is_button(node):
    return isinstance(node, ast.Call) and called(node) in BUTTONS and bool(node.args)


def choices(name, tree):
    """Choices whose labels decide what is chosen, outside the one module that makes labels unique and options ids."""
    for node in nodes(tree):
        if isinstance(node, ast.Call) and called(node) in CHOICES and name.startswith("pages/") and name != CHOOSER:
            yield written(node.func)


def days(name, tree):
    """Boxes of a day that go on with the day before where somebody types one outside of their range."""
    for node in nodes(tree):
        if isinstance(node, ast.Call) and called(node) in ("date_input", "datetime_input") and name != DAY_BOX:
            yield written(node.func)


def bare_days(name, tree):
    """Days in sentences that are not written as all others are (clinic/phrases.py)."""
    for node in nodes(tree):
        if isinstance(node, ast.FormattedValue) and node.format_spec is None:
            shown = ast.unparse(node.value)
            if name.startswith(("pages/", "clinic/", "web/")) and shown.endswith(("_on", "_on.isoformat()")):
                yield shown


def dialogs(name, tree):
    """Windows that don't say where a click in them met nothing (pages/actions.py)."""
    for call in calls(tree):
        if written(call.func) == "st.dialog" and name != ACTIONS:
            yield ast.unparse(call)


def clear_ways(name, tree):
    """Ways of files into and out of Streamlit, which would lie there in clear, and which the gate shuts."""
    yield from (called(call) for call in calls(tree) if called(call) in SHUT_WAYS)


def buttons(name, tree):
    """Buttons that are not bound to what was on the screen, and whose clicks nobody accounts for (pages/actions.py)."""
    for node in nodes(tree):
        if is_button(node) and name.startswith("pages/") and name not in (ACTIONS, NOTES_OF_CLICKS):
            yield ast.unparse(node)


def folds_by_itself(name, tree):
    """What is folded, and has no key: a browser folds it, and drops its file, where something above comes or goes."""
    for call in calls(tree):
        if called(call) in ("expander", "popover") and all(one.arg != "key" for one in call.keywords):
            yield ast.unparse(call)


def parts(name, tree):
    """Parts of a page that run again alone, and in which nobody accounts for clicks (pages/actions.py)."""
    for node in nodes(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr == "fragment"
            and name.startswith("pages/")
            and name != ACTIONS
        ):
            yield ast.unparse(node)


def silent_forms(name, tree):
    """A form whose button does nothing, and says nothing, where something is missing: `actions.submit` has `needs`."""
    firsts = [node.values[0] for node in nodes(tree) if isinstance(node, ast.BoolOp)]
    for node in firsts:
        asks = isinstance(node, ast.Call) and called(node) == "submit"
        if asks and all(one.arg != "needs" for one in node.keywords):
            yield ast.unparse(node)


def named_places(name, tree):
    """Headings with text that a page doesn't hold itself: a link beside one carries the text into the address.

    Text that somebody typed makes no heading of its own: `links.plain_text` escapes what would.
    """
    for call in calls(tree):
        if not name.startswith("pages/") or name.startswith("pages/charts/") or not call.args:
            continue
        text = call.args[0]
        if isinstance(call.func, ast.Attribute) and called(call) in HEADINGS:
            if not isinstance(text, ast.Constant) and all(one.arg != "anchor" for one in call.keywords):
                yield ast.unparse(call)
        elif called(call) in WRITES_MARKDOWN and isinstance(text, ast.JoinedStr | ast.BinOp):
            yield from [ast.unparse(call)] if ast.unparse(text).lstrip("f'\"").startswith("#") else []


def unescaped(node):
    """Yield the parts of an expression, save those that `links` escapes."""
    if isinstance(node, ast.Call) and called(node) in ESCAPES:
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from unescaped(child)


def errors_as_markdown(name, tree):
    """Sentences of errors, in which text that somebody typed may stand, drawn as Markdown (pages/links.py)."""
    for call in calls(tree):
        if name.startswith("pages/") and called(call) in (*WRITES_MARKDOWN, *BOXES):
            for part in [one for argument in call.args for one in unescaped(argument)]:
                if isinstance(part, ast.Attribute) and part.attr in ("message", "error"):
                    yield ast.unparse(call)


def decoding(name, tree):
    """Files from outside that are decoded elsewhere than in the process without rights."""
    if name.startswith((*READS, *OWN_FILES)):
        return
    for node in nodes(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for one in names:
            decoder = one in DECODERS or one.partition(".")[0] in DECODERS or one.startswith("torchvision.io")
            if (decoder and (one != "av" or name not in WRITE_VIDEO)) or one.startswith("fer_core.decoder"):
                yield one
    for call in calls(tree):
        what = written(call.func)
        if what in OPENING or (what == "av.open" and ast.unparse(call.args[1]) != "'w'"):
            yield what


RULES = {
    rule.__name__: rule
    for rule in (
        unsafe_html,
        caches,
        pickles,
        sql,
        names_in_logs,
        choices,
        days,
        bare_days,
        dialogs,
        clear_ways,
        buttons,
        folds_by_itself,
        parts,
        silent_forms,
        named_places,
        errors_as_markdown,
        decoding,
    )
}


@pytest.fixture(scope="module")
def found():
    """What each rule finds, by the rule's name and the file's: each file is read once for all of them."""
    found = {rule: {} for rule in RULES}
    for name, text in sources():
        tree = ast.parse(text)
        for rule, look in RULES.items():
            if what := list(look(name, tree)):
                found[rule][name] = what
    return found


@pytest.mark.parametrize("rule", RULES)
def test_it_stands_nowhere(rule, found):
    assert found[rule] == {}


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (unsafe_html, "st.markdown(note, unsafe_allow_html=True)"),
        (unsafe_html, "st.html(note)"),
        (unsafe_html, "HTMLResponse(note)"),
        (unsafe_html, "Markup(note)"),
        (caches, "@st.cache_data\ndef patients(): ..."),
        (caches, "@cache\ndef patients(): ..."),
        (caches, "kept = st.cache_resource(patients)"),
        (pickles, "import pickle"),
        (pickles, "from joblib import load"),
        (pickles, "torch.load(path)"),
        (pickles, "torch.load(path, weights_only=False)"),
        (pickles, "np.load(path, allow_pickle=True)"),
        (sql, "session.execute('DELETE FROM patient')"),
        (sql, "session.execute(text('DELETE FROM patient'))"),
        (sql, "session.execute(text(f'DELETE FROM patient WHERE name = {name}'))"),
        (sql, "cursor.execute('SELECT ' + name)"),
        (choices, "st.selectbox('Patient', patients)"),
        (choices, "left.radio('Patient', names)"),
        (days, "left.date_input('Day', max_value='today')"),
        (bare_days, "f'ended on {row.expires_on}'"),
        (bare_days, "f'Recorded {recorded_on.isoformat()}'"),
        (dialogs, "@st.dialog('Delete?')\ndef ask(): ..."),
        (clear_ways, "file = st.file_uploader('A table')"),
        (clear_ways, "left.download_button('Save', content)"),
        (buttons, "st.button('Delete')"),
        (folds_by_itself, "with st.expander('All'): ..."),
        (folds_by_itself, "left.popover('Menu')"),
        (parts, "st.fragment(run_every=1)(draw)"),
        (buttons, "column.form_submit_button('Save')"),
        (decoding, "import av"),
        (decoding, "import av.container"),
        (decoding, "from torchvision.io import read_video"),
        (decoding, "from fer_core.decoder import video"),
        (decoding, "Image.open(path)"),
        (decoding, "av.open(path, 'r')"),
        (named_places, "name.title(links.plain_text(patient.name))"),
        (named_places, "st.subheader(f'Recorded on {visit}')"),
        (named_places, "st.markdown(f'## {note}')"),
        (named_places, "left.write('## ' + note)"),
        (errors_as_markdown, "st.warning(refusal.message)"),
        (errors_as_markdown, "left.caption(f'Not imported: {found.error}')"),
        (silent_forms, "if actions.submit('Record', 'add', target) and kind: ..."),
        (names_in_logs, "log.info(f'{patient.name} came')"),
        (names_in_logs, "log.info('%s came', patient.name)"),
        (names_in_logs, "log.warning('it failed: %s', error)"),
        (names_in_logs, "log.warning('it failed: %s', str(error))"),
        (names_in_logs, "log.exception('it failed')"),
        (names_in_logs, "log.error('it failed', exc_info=True)"),
    ],
)
def test_the_rules_find_what_they_are_for(rule, text):
    assert list(rule("pages/new.py", ast.parse(text)))


def test_the_exceptions_are_still_needed():
    """A file or function that is excepted and does nothing of the kind any more loses its exception."""
    texts = dict(sources())
    assert set(texts) >= HTML_FILES | SQL_FILES | SQL_MADE | {name for name, _ in CACHED}
    for name in {name for name, _ in CACHED}:
        excepted = {function for of, function in CACHED if of == name}
        assert set(caches("elsewhere.py", ast.parse(texts[name]))) == excepted, name
    for name in SQL_FILES | SQL_MADE:
        assert list(sql("elsewhere.py", ast.parse(texts[name]))), name
    for name in HTML_FILES | MARKUP_FILES:
        assert list(unsafe_html("elsewhere.py", ast.parse(texts[name]))), name


def test_no_test_takes_back_what_its_fixtures_set():
    """`undo` takes back the folder of the test's clinic as well: the developer's own would be opened, and migrated."""
    sources = [source for source in (ROOT / "tests").rglob("*.py") if UNDO in source.read_text()]
    undone = {source.relative_to(ROOT).as_posix() for source in sources}
    assert undone == {"tests/clinic/accounts/test_passwords.py"}, "its fixture sets no folder"
