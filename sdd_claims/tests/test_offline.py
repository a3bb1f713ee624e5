"""The suite's own tests cannot reach the network; this machine they can."""

import errno
import socket
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from sdd_claims.tests.offline import offline

ROOT = Path(__file__).parents[2]

ELSEWHERE = ("192.0.2.1", 80)
"""An address that nobody has (RFC 5737)."""


def test_in_every_test_a_connection_to_another_machine_is_refused(refused_connections):
    with socket.socket() as door, pytest.raises(OSError, match=r"may not reach the network: connect to 192\.0\.2\.1"):
        door.connect(ELSEWHERE)
    with pytest.raises(OSError, match=r"may not reach the network: getaddrinfo of example\.org"):
        socket.create_connection(("example.org", 443))
    assert refused_connections == ["connect to 192.0.2.1, port 80", "getaddrinfo of example.org"]
    refused_connections.clear()


@pytest.mark.parametrize("address", [ELSEWHERE, ("example.org", 80), ("255.255.255.255", 80)])
@pytest.mark.parametrize("name", ["connect", "sendto", "sendmsg"])
def test_every_way_out_is_refused(name, address):
    arguments = {"connect": (), "sendto": (b"", 0), "sendmsg": ([b""], (), 0)}[name]
    kind = socket.SOCK_STREAM if name == "connect" else socket.SOCK_DGRAM
    refusal = pytest.raises(OSError, match="may not reach the network")
    with offline() as refused, socket.socket(type=kind) as door, refusal as error:
        getattr(door, name)(*arguments, address)
    assert error.value.errno == errno.ENETUNREACH
    assert refused == [f"{name} to {address[0]}, port 80"]


def test_an_address_of_version_6_is_refused_too():
    with offline() as refused, socket.socket(socket.AF_INET6) as door:
        assert door.connect_ex(("2001:db8::1", 80, 0, 0)) == errno.ENETUNREACH
    assert refused == ["connect_ex to 2001:db8::1, port 80"]


@pytest.mark.parametrize("name", ["getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"])
def test_no_name_of_another_machine_is_asked_for(name):
    arguments = ("example.org", 80) if name == "getaddrinfo" else ("example.org",)
    with offline() as refused, pytest.raises(socket.gaierror, match="may not reach the network"):
        getattr(socket, name)(*arguments)
    assert refused == [f"{name} of example.org"]


def test_code_that_takes_a_refusal_for_a_broken_network_is_found_out():
    with offline() as refused, pytest.raises(urllib.error.URLError):
        urllib.request.urlopen("http://example.org/")
    assert refused == ["getaddrinfo of example.org"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_reached(host):
    with offline() as refused, socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((host, port)) as caller, server.accept()[0] as answer:
            answer.sendall(b"here")
            assert caller.recv(4) == b"here"
        with socket.socket(type=socket.SOCK_DGRAM) as letters:
            assert letters.sendto(b"here", ("127.0.0.1", port)) == 4
    assert refused == []


def test_a_socket_of_files_is_reached(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # its path may have 107 characters
    with offline() as refused, socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as caller:
        server.bind("door")
        server.listen()
        caller.connect("door")
        assert Path("door").is_socket()
    assert refused == []


def test_asking_for_the_own_address_sends_nothing_and_is_no_failure():
    with offline() as refused, socket.socket(type=socket.SOCK_DGRAM) as door:
        assert door.connect_ex(ELSEWHERE) == errno.ENETUNREACH
    assert refused == []


def test_afterwards_all_is_as_before():
    before = socket.socket.connect, socket.getaddrinfo
    with offline():
        assert socket.socket.connect is not before[0]
    assert (socket.socket.connect, socket.getaddrinfo) == before


@pytest.fixture
def conftest(request):
    """The conftest.py of the root, as pytest has loaded it."""
    return request.config.pluginmanager.get_plugin(str(ROOT / "conftest.py"))


def test_a_test_that_swallows_the_refusal_fails(conftest, request):
    item = SimpleNamespace(path=request.path, stash={})
    running = conftest.pytest_runtest_protocol(item)
    next(running)
    calling = conftest.pytest_runtest_call(item)
    next(calling)
    with socket.socket() as door:
        assert door.connect_ex(ELSEWHERE) == errno.ENETUNREACH
    with pytest.raises(pytest.fail.Exception, match=r"may not reach the network: connect_ex to 192\.0\.2\.1, port 80"):
        next(calling)
    with pytest.raises(StopIteration):
        next(running)


def test_who_judges_claims_may_reach_the_network(conftest):
    before = socket.socket.connect
    item = SimpleNamespace(path=ROOT / "claims" / "he2022" / "test_four_phases_in_order.py", stash={})
    running = conftest.pytest_runtest_protocol(item)
    next(running)
    assert socket.socket.connect is before
    with pytest.raises(StopIteration):
        next(running)
