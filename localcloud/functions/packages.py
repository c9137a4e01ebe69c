"""The code of functions: zip files, unpacked, and where they can be downloaded."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from localcloud.functions.crc64 import crc64
from localcloud.functions.model import FcError, Function

PATH = "/function-code/{token}/{name}"


@dataclass
class Packages:
    """All code. A download needs no signature, but the token in its path, as a URL of OSS has."""

    folder: Path
    token: str = field(default_factory=lambda: token_hex(16))

    def unpack(self, function: Function, code: dict[str, Any]) -> tuple[Path, str, int]:
        """Returns the folder, the checksum and the size of the code. Raises FcError."""
        if "zipFile" not in code:
            raise FcError(400, "InvalidArgument", "the local cloud takes code.zipFile, not OSS")
        try:
            content = base64.b64decode(code["zipFile"], validate=True)
            archive = zipfile.ZipFile(io.BytesIO(content))
        except (binascii.Error, TypeError, zipfile.BadZipFile) as error:
            raise FcError(
                400, "InvalidArgument", "code.zipFile is not a zip file in base64"
            ) from error
        checksum = str(crc64(content))
        if code.get("checksum") not in (None, "", checksum):
            raise FcError(400, "InvalidArgument", f"the checksum of the code is {checksum}")
        folder = self.folder / f"{function.service}-{function.name}-{checksum}"
        if not folder.exists():  # an instance may run from it
            archive.extractall(folder)
            _zip_file(folder).write_bytes(content)
        return folder, checksum, len(content)

    def location(self, function: Function, base_url: str) -> dict[str, str]:
        """Returns what GetFunctionCode answers: checksum, and a URL to download from."""
        path = PATH.format(token=self.token, name=_zip_file(function.code).name)
        checksum = str(function.description["codeChecksum"])
        return {"checksum": checksum, "url": f"{base_url.rstrip('/')}{path}"}

    def content(self, token: str, name: str) -> bytes:
        """Returns the zip file of that name. Raises FcError."""
        path = self.folder / name
        if token != self.token or path.suffix != ".zip" or not path.is_file():
            raise FcError(404, "NoSuchKey", "there is no such code")
        return path.read_bytes()


def _zip_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.zip")
