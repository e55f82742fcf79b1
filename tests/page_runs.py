"""Streamlit looks through the installed packages once in a process of tests, and not once for each page's test.

A server does so at its start: it reads what each of hundreds of packages says of itself, to find components. `AppTest`
does it for each test, which took three quarters of the time of the pages' tests.
"""

import functools

from streamlit.components.v2 import manifest_scanner


def share_found_components():
    """Let all `AppTest`s of this process know the components that the first one found."""
    manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)
