"""No test of the suite's own reaches the network: what it connects to lies on this machine.

Python's sockets in pytest's own processes are guarded; those of compiled libraries and of programs that a test starts
are not.
"""

import errno
import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

_CONNECTS = ("connect", "connect_ex", "sendto", "sendmsg")
_RESOLVES = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr")
_INTERNET = (socket.AF_INET, socket.AF_INET6)
_SOCKET = socket.socket


@contextmanager
def offline() -> Iterator[list[str]]:
    """Refuses every connection to, and every name of, another machine.

    Yields:
        What was refused so far, in words: code that takes a refusal for a broken network says nothing about it.
    """
    refused: list[str] = []
    with ExitStack() as stack:
        for name in _CONNECTS:
            stack.enter_context(mock.patch.object(_SOCKET, name, _guarded(name, refused)))
        for name in _RESOLVES:
            stack.enter_context(mock.patch.object(socket, name, _guarded_name(name, refused)))
        yield refused


def _guarded(name: str, refused: list[str]) -> Callable[..., Any]:
    real = getattr(_SOCKET, name)

    def call(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]
        if self.family in _INTERNET and isinstance(address, tuple) and not _is_here(address[0], self.family):
            # Connecting a datagram socket sends nothing: so Ray asks which address this machine has.
            if name in ("sendto", "sendmsg") or self.type == socket.SOCK_STREAM:
                refused.append(f"{name} to {address[0]}, port {address[1]}")
            if name == "connect_ex":
                return errno.ENETUNREACH
            raise OSError(errno.ENETUNREACH, f"a test may not reach the network: {name} to {address[0]}")
        return real(self, *arguments)

    return call


def _guarded_name(name: str, refused: list[str]) -> Callable[..., Any]:
    real = getattr(socket, name)

    def call(host: str | bytes | None, *arguments: Any, **options: Any) -> Any:
        words = host.decode() if isinstance(host, bytes) else host or ""
        if not (_is_own_name(words) or _is_number(words)):
            refused.append(f"{name} of {words}")
            raise socket.gaierror(socket.EAI_NONAME, f"a test may not reach the network: {name} of {words}")
        return real(host, *arguments, **options)

    return call


def _is_here(host: str, family: int) -> bool:
    """Whether an address is one of this machine, to which alone, and to those of many, a socket can be bound."""
    if _is_own_name(host):
        return True
    if not _is_number(host) or host == "255.255.255.255":
        return False
    if ipaddress.ip_address(host.partition("%")[0]).is_multicast:
        return False
    with _SOCKET(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def _is_own_name(host: str) -> bool:
    return host in ("", "localhost", socket.gethostname())


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
