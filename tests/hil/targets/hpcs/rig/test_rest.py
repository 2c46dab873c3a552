"""The bench's own calls to an instance."""

import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.targets.hpcs.rig.layout import Layout
from hil.targets.hpcs.rig.rest import Rest
from hsm_emulator.wire import message


class _Kms(socketserver.UnixStreamServer):
    """Answers every login with another token, which holds for ``seconds``."""

    def __init__(self, path: Path, seconds: int) -> None:
        super().__init__(str(path), _Login)
        self.seconds = seconds
        self.logins = 0


class _Login(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        """Take one request and answer it."""
        kms = self.server
        assert isinstance(kms, _Kms)
        reader = message.Reader()
        while reader.take(self.request.recv(message.CHUNK_BYTES)) is None:
            pass
        kms.logins += 1
        token = {"access_token": f"token {kms.logins}", "expires_in": kms.seconds}
        self.request.sendall(message.encode("HTTP/1.1 200 OK", {}, json.dumps(token).encode()))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Paths of an instance that has an API key."""
    layout = Layout(tmp_path / "f", tmp_path)
    layout.kms_config.parent.mkdir(parents=True)
    (layout.kms_config.parent / "apikey").write_text("key")
    return layout


@pytest.fixture(params=[0, 3600])
def kms(request: pytest.FixtureRequest, layout: Layout) -> Iterator[_Kms]:
    """A kms whose tokens hold for no time, or for an hour."""
    with _Kms(layout.rest(), request.param) as kms:
        thread = threading.Thread(target=kms.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield kms
        kms.shutdown()
        thread.join()


def test_a_token_is_renewed_before_it_expires(kms: _Kms, layout: Layout) -> None:
    """What has used half its time is replaced when it is next needed, and what has not stays."""
    rest = Rest.login(layout)
    tokens = {rest.token, rest.token}
    assert len(tokens) == (1 if kms.seconds else 2)
    assert kms.logins == (1 if kms.seconds else 3)
