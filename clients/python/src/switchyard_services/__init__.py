"""Reads where an app finds the services that it depends on, deployed by Switchyard."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Mapping, Optional

__all__ = ["Service", "service", "services"]

# Where Switchyard puts the file.
_FILE = "/run/switchyard/services.json"
# The form of the file that this reads.
_SCHEMA = 1


@dataclass(frozen=True)
class Service:
    """A service that this app depends on; what it does not have is None."""

    name: str
    host: str
    port: int
    ports: Mapping[str, int] = field(default_factory=dict)
    kind: Optional[str] = None
    user: Optional[str] = None
    database: Optional[str] = None
    password_file: Optional[str] = None
    url_file: Optional[str] = None

    @property
    def password(self) -> Optional[str]:
        """The password, read from its file."""
        return _text(self.password_file)

    @property
    def url(self) -> Optional[str]:
        """The whole address with the password in it, read from its file."""
        return _text(self.url_file)


def services(file: Optional[str] = None) -> Dict[str, Service]:
    """Return all services that the app depends on, by their names.

    Raises RuntimeError where the file is missing, or is of another form.
    """
    path = file or os.environ.get("SWITCHYARD_SERVICES") or _FILE
    try:
        said = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        hint = "does the service depend on one that has a connection?"
        raise RuntimeError(f"{path} is missing: {hint}") from error
    if said["schema"] != _SCHEMA:
        raise RuntimeError(f"{path} has schema {said['schema']}, and this reads {_SCHEMA}")
    return {name: _service(name, one) for name, one in said["services"].items()}


def service(name: str, file: Optional[str] = None) -> Service:
    """Return one of them. Raises LookupError where the app does not depend on it."""
    found = services(file)
    if name in found:
        return found[name]
    known = ", ".join(found) or "none"
    raise LookupError(f'the app depends on no service "{name}"; it depends on {known}')


def _service(name: str, said: Mapping) -> Service:
    return Service(
        name=name,
        host=said["host"],
        port=said["port"],
        ports=said.get("ports", {}),
        kind=said.get("kind"),
        user=said.get("user"),
        database=said.get("database"),
        password_file=said.get("passwordFile"),
        url_file=said.get("urlFile"),
    )


def _text(path: Optional[str]) -> Optional[str]:
    """Secrets are read when they are asked for, so that none is in a repr. Bytes, so that no line end is changed."""
    return None if path is None else Path(path).read_bytes().decode("utf-8")
