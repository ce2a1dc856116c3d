"""Files that tabs hand over to the browser: each once, and one that breaks off is not taken for whole."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DOWNLOAD_CHUNK_SIZE, DownloadManager

PATIENCE_S = 20.0
"""For one chunk, from a process that may be busy."""


@dataclass
class _File:
    """A file that a tab's process holds open."""

    name: str
    tab: AppService
    chunks: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    """As they come; empty: it is whole; None: the tab is gone."""

    async def next(self, key: str) -> bytes | None:
        """Ask for the next chunk, and wait for it."""
        if not await self.tab.send_meta({"type": "deliver_chunk_request", "key": key, "size": DOWNLOAD_CHUNK_SIZE}):
            return None
        with suppress(TimeoutError):
            return await asyncio.wait_for(self.chunks.get(), PATIENCE_S)
        return None


class Downloads(DownloadManager):
    """In place of textual-serve's, which gives a file twice and ends one that broke off as if it were whole."""

    def __init__(self) -> None:
        self._offered: dict[str, _File] = {}
        self._begun: dict[str, _File] = {}

    async def create_download(
        self, *, app_service: AppService, delivery_key: str, file_name: str, **about: Any
    ) -> None:
        self._offered[delivery_key] = _File(file_name, app_service)

    async def chunk_received(self, delivery_key: str, chunk: bytes | str) -> None:
        if file := self._begun.get(delivery_key):
            await file.chunks.put(chunk.encode() if isinstance(chunk, str) else chunk)

    async def cancel_app_downloads(self, app_service_id: str) -> None:
        self._offered = {key: file for key, file in self._offered.items() if file.tab.app_service_id != app_service_id}
        for file in self._begun.values():
            if file.tab.app_service_id == app_service_id:
                await file.chunks.put(None)

    async def give(self, request: web.Request) -> web.StreamResponse:
        """Answer with the file that `key` of the path stands for."""
        key = request.match_info["key"]
        file = self._offered.pop(key, None)
        if file is None:
            raise web.HTTPNotFound(text="This was downloaded already, or its tab is closed. Export it again.\n")
        self._begun[key] = file
        named = f'attachment; filename="{quote(file.name)}"'
        response = web.StreamResponse(
            headers={"Content-Type": "application/octet-stream", "Content-Disposition": named}
        )
        try:
            await response.prepare(request)
            while chunk := await file.next(key):
                await response.write(chunk)
        finally:
            del self._begun[key]
        if chunk is None and request.transport is not None:
            request.transport.abort()
        return response
