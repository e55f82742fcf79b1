"""A report as one page of HTML that needs nothing else: no script, no address, and print styles of its own."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from clinic.reports.content import Note, Report, Table

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1e2a32; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 1.4rem 0 0.4rem; }
dl { display: grid; grid-template-columns: 10rem 1fr; gap: 0.2rem 1rem; margin: 0; }
dt { color: #4a5a63; } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; }
th, td { text-align: start; border-bottom: 1px solid #c5d0d5; padding: 0.2rem 0.4rem; }
svg { width: 100%; height: auto; } .note { white-space: pre-wrap; overflow-wrap: anywhere; }
.sign { display: grid; grid-template-columns: 1fr 1fr; gap: 3rem; margin-top: 4rem; }
.sign span { border-top: 1px solid; }
@media print { body { margin: 0; font-size: 10pt; } tr, svg, .sign { break-inside: avoid; } h2 { break-after: avoid; } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html(report: Report) -> str:
    """Return the report as HTML; every text in it is escaped."""
    parts = [
        f"<h1>{escape(report.title)}</h1>",
        _facts(report.person),
        f"<h2>Summary</h2>{_list(report.sentences)}",
        f"<h2>How much could be read</h2>{_facts(report.coverage)}",
    ]
    if report.chart is not None:
        drawn = report.chart.svg.replace("<svg ", f'<svg role="img" aria-label="{escape(report.chart.alt)}" ', 1)
        parts.append(f"<h2>Over the recordings</h2>{drawn}")
    parts += [_table(table) for table in report.tables]
    parts += [
        f'<h2>{escape(note.title)}</h2><p class="note" dir="auto">{escape(note.text)}</p>' for note in report.notes
    ]
    parts.append(f"<h2>How to read it</h2>{_list(report.caveats)}")
    parts.append(f"<h2>Made</h2>{_facts(report.made)}")
    parts.append('<p class="sign"><span>Name and signature</span><span>Date</span></p>')
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escape(report.title)}</title><style>{STYLE}</style>"
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>'


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    parts = [f'<dt>{escape(name)}</dt><dd dir="auto">{escape(said)}</dd>' for name, said in rows]
    return f"<dl>{''.join(parts)}</dl>"


def _note(note: Note) -> str:
    return f'<h2>{escape(note.title)}</h2><p class="note" dir="auto">{escape(note.text)}</p>'


def _list(said: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in said)}</ul>"


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.header)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return f"<h2>{escape(table.title)}</h2><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
