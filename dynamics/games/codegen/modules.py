"""Generated modules: files named by a hash of their content, so that a second process starts with compiled code.

The folder is ``$GANDYN_CACHE`` or the user's cache folder. What is executed is the source that was just generated,
never what lies in the folder: the file is there for tracebacks and for Numba, which keeps its compiled code beside
it, keyed by its version and the processor.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
from functools import lru_cache
from pathlib import Path
from types import ModuleType

#: A module counts as loaded once it has been executed, by whichever thread came first.
_LOADING = threading.RLock()


@lru_cache(maxsize=1)
def cache_folder() -> Path:
    """Return the folder of generated modules, created private to the user; one among temporary files as a fallback."""
    configured = os.environ.get("GANDYN_CACHE")
    if configured:
        folder = Path(configured)
    else:
        from platformdirs import user_cache_dir

        folder = Path(user_cache_dir("gan-dynamics"))
    for candidate in (folder, Path(tempfile.gettempdir()) / f"gan-dynamics-{_user()}"):
        if _private(candidate):
            return candidate
    return Path(tempfile.mkdtemp(prefix="gan-dynamics-"))


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "cache"


def _private(folder: Path) -> bool:
    """Return whether the folder exists now, belongs to this user and can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
        return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
    except OSError:
        return False


def load_module(source: str, stem: str) -> ModuleType:
    """Return the module with this source, written to the cache folder under a name that carries its hash.

    Parameters
    ----------
    source : str
        Python source written by :func:`dynamics.games.codegen.render.render`.
    stem : str
        Beginning of the file name (an identifier), for readable tracebacks.
    """
    tag = f"{sys.version_info[0]}{sys.version_info[1]}"
    digest = hashlib.sha256(f"{tag}\n{source}".encode()).hexdigest()[:24]
    name = f"gandyn_{stem}_{digest}"
    with _LOADING:
        if name not in sys.modules:
            _execute(source, name)
        return sys.modules[name]


def _execute(source: str, name: str) -> None:
    path = cache_folder() / f"{name}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != source:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".tmp", delete=False) as file:
            file.write(source)
        os.replace(file.name, path)
    module = ModuleType(name)
    module.__file__ = str(path)
    # Known by its name while it runs: functions that Numba reads from its cache look for the module they belong to.
    sys.modules[name] = module
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
