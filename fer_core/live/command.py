"""``fer live``: open the page of this computer's camera in its browser, until Ctrl-C."""

from __future__ import annotations

import argparse
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core.live.assets import NOTICE

if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer


def main(arguments: Sequence[str]) -> None:
    """Serve the page until it is interrupted. Raises ModelError, OSError where the port is taken."""
    parser = argparse.ArgumentParser(
        prog="fer live",
        description="Show this computer's camera live, on a page that only this computer can open.",
        epilog=NOTICE,
    )
    parser.add_argument("--port", type=int, default=0, help="default: any that is free")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--device", choices=("cpu", "cuda", "mps"), help="default: the best there is")
    parser.add_argument("--model", type=Path, metavar="CARD.json", help="model card of another model")
    options = parser.parse_args(arguments)
    from fer_core.analyzer import Analyzer  # not at the top: --help answers at once

    _serve(Analyzer.open(options.model, options.device), options.port, not options.no_browser)


def _serve(analyzer: Analyzer, port: int, in_browser: bool) -> None:
    from fer_core.live.page import LocalPage
    from fer_core.live.view import LiveView

    with LiveView(analyzer) as view, LocalPage(view, port) as page:
        print(f"{page.address}\nNothing is kept. Ctrl-C ends it.", flush=True)  # noqa: T201 the command's answer
        if in_browser:
            webbrowser.open(page.address)
        page.serve_forever()
