"""The HTTP routes beside the pages: uploads in pieces, and downloads of prepared archives and kept videos.

An upload follows the tus protocol (tus.io, version 1.0): HEAD returns how far it is, PATCH adds a piece at an offset,
DELETE cancels it. A page starts it, not a request. The signed-in user is read from the request's scope, where the gate
before these routes puts it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Send

from clinic.access import Actor, Forbidden
from clinic.consent import notice
from clinic.exchange import downloads
from clinic.exchange.downloads import Kind
from clinic.recordings import incoming, playback
from clinic.recordings.incoming import Incoming
from clinic.recordings.pieces import Digests, Piece
from clinic.recordings.playback import ByteRange, RangeError
from clinic.settings import Settings
from db.engine import Database
from fer_core.errors import FerError
from storage.sealed import CHUNK_BYTES
from web.page import page
from web.statuses import STATUS
from web.threads import to_write

PIECE_TYPE = "application/offset+octet-stream"
_DISK = ThreadPoolExecutor(8, "disk")
P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)

ASKED_EVERY_S = 1.0
"""How often a running upload checks whether its user may still upload."""
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
OFFSET = re.compile(r"[0-9]{1,18}")


class _Stream(StreamingResponse):
    """A response that breaks off when the user loses access: that is no fault of the program."""

    async def stream_response(self, send: Send) -> None:
        """Send the parts; the connection is then closed before the announced length."""
        try:
            await super().stream_response(send)
        except FerError as error:
            log.info("an answer was broken off: %s", error.message)


def routes(settings: Callable[[], Settings], open_db: Callable[[], Database]) -> list[Route]:
    """Return the routes of an installation; `settings` and `open_db` are asked at each request."""
    digests: Digests = {}

    async def upload(request: Request) -> Response:
        try:
            return await _upload(request, settings(), await run_in_threadpool(open_db), digests)
        except FerError as error:
            return _refusal(error)

    async def download(request: Request) -> Response:
        try:
            return await _download(request, settings(), await run_in_threadpool(open_db))
        except FerError as error:
            return _refusal_page(error) if _is_followed(request) else _refusal(error)

    async def video(request: Request) -> Response:
        try:
            return await _video(request, settings(), await run_in_threadpool(open_db))
        except FerError as error:
            return _refusal(error)

    async def show_notice(request: Request) -> Response:  # noqa: ARG001 the same for everyone
        policy = {"Content-Security-Policy": notice.POLICY}
        return HTMLResponse(notice.page(settings()), headers=HEADERS | policy)

    return [
        Route("/uploads/{upload_id}", upload, methods=["HEAD", "PATCH", "DELETE"]),
        Route("/downloads/{ticket}", download, methods=["GET", "HEAD"]),
        Route("/recordings/{recording_id}/video", video, methods=["GET", "HEAD"]),
        Route(notice.PATH, show_notice, methods=["GET"]),
    ]


def same_origin(request: HTTPConnection) -> bool:
    """Return whether a page of this very address sent the request; a request that doesn't say so is not."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


async def _upload(request: Request, settings: Settings, db: Database, digests: Digests) -> Response:
    if not same_origin(request):
        return _refusal(FerError("Uploads are accepted only from this program's own pages.", "other_origin"), 403)
    upload_id, owner = request.path_params["upload_id"], _user(request)
    if request.method == "HEAD":
        return _progress(await run_in_threadpool(incoming.status, settings, upload_id, owner), 200)
    if request.method == "DELETE":
        await on_disk(incoming.cancel, settings, upload_id, owner)
        return Response(status_code=204, headers=HEADERS)
    offset = request.headers.get("upload-offset", "")
    if request.headers.get("content-type") != PIECE_TYPE or not OFFSET.fullmatch(offset):
        return _refusal(FerError("This is not a piece of an upload.", "no_piece"))
    piece = await on_disk(Piece, settings, upload_id, int(offset), digests, owner)
    return _progress(await receive_piece(request, db, piece), 204)


async def receive_piece(request: Request, db: Database, piece: Piece) -> Incoming:
    """Write the request's body as it arrives; what arrived before an interruption is kept.

    Where the sign-in ends, or the account may upload no more, the rest is not read. Raises Forbidden.
    """
    waiting, parts = bytearray(), _body(request, db)
    try:
        async for data in parts:
            waiting += data
            if len(waiting) >= CHUNK_BYTES:
                await on_disk(piece.write, bytes(waiting))
                waiting.clear()
        await on_disk(piece.write, bytes(waiting))
    except Forbidden:
        raise
    except FerError:
        # An answer before the end of the piece would look like a connection that broke.
        async for _ in parts:
            continue
        raise
    except ClientDisconnect:
        # Nobody is there to read the answer.
        await on_disk(piece.write, bytes(waiting))
    finally:
        # Where the server is ending and this task with it, the thread goes on by itself.
        reached = await asyncio.shield(on_disk(piece.close))
    return reached


def on_disk(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
    """Do disk work in separate threads, so that slow disks delay neither pages nor the loop."""
    return asyncio.get_running_loop().run_in_executor(_DISK, partial(work, *args, **kwargs))


async def _body(request: Request, db: Database) -> AsyncIterator[bytes]:
    """Yield the request's body, and ask now and then whether the person may still upload. Raises Forbidden."""
    parts, asked = request.stream(), time.monotonic()
    coming = asyncio.ensure_future(anext(parts, None))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=ASKED_EVERY_S)
            if time.monotonic() - asked >= ASKED_EVERY_S:
                await run_in_threadpool(incoming.need_uploader, db, request.scope["actor"])
                asked = time.monotonic()
            if done:
                data = coming.result()
                if data is None:
                    return
                coming = asyncio.ensure_future(anext(parts, None))
                yield data
    finally:
        coming.cancel()


FETCHED = {
    Kind.ARCHIVE: ("application/zip", "patient-export.zip"),
    Kind.PDF: ("application/pdf", "report.pdf"),
    Kind.HTML: ("text/html; charset=utf-8", "report.html"),
    Kind.FHIR: ("application/fhir+json", "patient-fhir.json"),
    Kind.XLSX: ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "patient-results.xlsx"),
    Kind.RESEARCH: ("application/zip", "research.zip"),
    Kind.MOMENTS: ("application/zip", "recording.zip"),
    Kind.VIDEO: ("video/mp4", "recording.mp4"),
}
"""File names of downloads: only the kind, because a name would appear in the browser's list."""


async def _download(request: Request, settings: Settings, db: Database) -> Response:
    """Answer with the file of a ticket, which is then used up; HEAD leaves it."""
    actor: Actor = request.scope["actor"]
    waiting = await run_in_threadpool(downloads.take, db, settings, actor, request.path_params["ticket"])
    media_type, name = FETCHED[waiting.kind]
    headers = HEADERS | {
        "Content-Length": str(waiting.length),
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    if request.method == "HEAD":
        waiting.file.close()
        return Response(headers=headers, media_type=media_type)
    return _Stream(downloads.content(db, actor, waiting), media_type=media_type, headers=headers)


async def _video(request: Request, settings: Settings, db: Database) -> Response:
    """Answer with a kept video or the part of it that is asked for; each request is checked again."""
    actor, recording_id = request.scope["actor"], request.path_params["recording_id"]
    wanted = request.headers.get("range") if request.method == "GET" else None
    part = await run_in_threadpool(playback.open_part, db, settings, actor, recording_id, wanted)
    if request.method == "HEAD":
        part.file.close()
        return Response(headers=HEADERS | _part_headers(part), media_type=part.media_type)
    try:
        await to_write(playback.note_view, db, settings, actor, recording_id)
    except BaseException:
        part.file.close()
        raise
    content = playback.content(db, settings, actor, recording_id, part)
    status = 200 if part.whole else 206
    return _Stream(content, status, HEADERS | _part_headers(part), media_type=part.media_type)


def _part_headers(part: ByteRange) -> dict[str, str]:
    """Return the headers for a part of a video; opened by itself, it shows nothing."""
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(part.length),
        "Content-Disposition": "inline",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return headers if part.whole else headers | {"Content-Range": f"bytes {part.first}-{part.last}/{part.size}"}


def _user(request: Request) -> str:
    """Return the account that is signed in."""
    actor: Actor = request.scope["actor"]
    return actor.account_id


def _progress(upload: Incoming, status: int) -> Response:
    headers = {"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.length), "Tus-Resumable": "1.0.0"}
    return Response(status_code=status, headers=HEADERS | headers)


def _is_followed(request: Request) -> bool:
    """Return whether somebody followed a link, and so reads the answer."""
    return request.headers.get("sec-fetch-mode") == "navigate"


def _refusal_page(error: FerError) -> Response:
    answer = page("refused", STATUS.get(error.code, 400), said=error.message)
    answer.headers.update(HEADERS)
    return answer


def _refusal(error: FerError, status: int | None = None) -> Response:
    content = {"code": error.code, "message": error.message}
    headers = HEADERS | ({"Content-Range": f"bytes */{error.size}"} if isinstance(error, RangeError) else {})
    return JSONResponse(content, status_code=status or STATUS.get(error.code, 400), headers=headers)
