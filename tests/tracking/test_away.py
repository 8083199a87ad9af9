"""A real MLflow server goes away while a run reports: the run goes on, and what it kept is sent later, once."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import requests
from filelock import FileLock
from mlflow.exceptions import MlflowException

from lmao.config.tracking import MlflowTracking
from lmao.errors import Away, Unavailable, UserError
from lmao.sync import sync
from lmao.tracking.kept import KEPT, outliving
from lmao.tracking.mlflow_client import _reach_server, is_away, mlflow_errors
from lmao.tracking.mlflow_run import MlflowTracker
from lmao.tracking.mlflow_store import MlflowStore
from lmao.tracking.sending import Trial
from lmao.tracking.store import tracked_run
from lmao.tracking.trial import NoTrial


class Server:
    """`mlflow server` on a database of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        places = [
            f"--backend-store-uri=sqlite:///{self._folder}/mlflow.db", f"--artifacts-destination={self._folder}/files",
        ]  # fmt: skip
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self._port), "--workers", "1", *places]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        first = f"{self.uri}/api/2.0/mlflow/experiments/search?max_results=1"  # opens the store
        for _ in range(1200):
            try:
                urllib.request.urlopen(first, timeout=60).close()
                return
            except OSError:
                time.sleep(0.1)
        pytest.fail((self._folder / "log").read_text())

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture
def server(mlflow_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "mlflow.db").write_bytes(mlflow_database.read_bytes())
    server = Server(folder)
    server.start()
    yield server
    server.stop()


def test_a_run_outlives_its_server_and_is_sent_once(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    config = MlflowTracking(name="mlflow", uri=server.uri, experiment="lmao", study=None, keep_models="best")
    lines: list[str] = []

    def store(folder: str) -> Any:
        (tmp_path / folder).mkdir()
        return outliving(MlflowStore(config), tmp_path / folder, lines.append)

    (tmp_path / "result.json").write_text("{}")
    with tracked_run(store("cut"), "cut off", NoTrial()) as cut:
        cut.parameters({"seed": 3})
        cut.metric("loss", 0.5, 1)
        server.stop()
        cut.metric("loss", 0.25, 2)
        cut.tags({"git_commit": "abc", "source": "http://me:secret@host/"})
        cut.artifact(tmp_path / "result.json")
    began_away = store("away")
    with tracked_run(began_away, "trial 7", Trial(7, "s", "0123")) as away:
        away.metric("loss", 0.75, 1)
        assert away.run_id is None
    assert [line.partition(": what")[0][:14] for line in lines] == ["MLflow is away"] * 2
    with pytest.raises(Away):  # nothing was done yet, and the address may be wrong
        store("refused").open_run("another", NoTrial())
    with pytest.raises(Away):
        sync([tmp_path], None)
    server.start()
    with FileLock(tmp_path / "cut" / ".lmao"):  # as if that run were still at work
        with monkeypatch.context() as patched:  # killed once it has made the run
            patched.setattr(MlflowTracker, "tags", Mock(side_effect=KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                sync([tmp_path], None)
        sync([tmp_path], None)
    assert capsys.readouterr().out == f"sent {tmp_path}/away\n1 sent, 1 still kept\n"
    sync([tmp_path], None)
    sync([tmp_path], None)
    assert not list(tmp_path.rglob(KEPT))
    client = MlflowClient(tracking_uri=server.uri)
    found = {run.info.run_name: run for run in client.search_runs(["1"])}
    assert set(found) == {"cut off", "trial 7"}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    run = found["cut off"]
    assert (run.data.params["seed"], run.data.tags["git_commit"]) == ("3", "abc")
    points = client.get_metric_history(run.info.run_id, "loss")
    assert [(point.step, point.value) for point in points] == [(1, 0.5), (2, 0.25)]
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["result.json"]
    tags = found["trial 7"].data.tags
    assert (tags["mlflow.parentRunId"], tags["trial"], tags["state"]) == ("0123", "7", "COMPLETE")


def test_a_folder_that_is_not_there_is_no_empty_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"there is no folder .*nowhere: name a run's"):
        sync([tmp_path, tmp_path / "nowhere"], None)
    sync([tmp_path], None)
    assert capsys.readouterr().out == "0 sent, 0 still kept\n"


def test_a_run_that_is_made_again_for_want_of_an_answer_is_there_once(
    mlflow_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's client asks once more by itself; the server may have heard it the first time."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{shutil.copy(mlflow_database, tmp_path)}"
    config = MlflowTracking(name="mlflow", uri=uri, experiment="lmao", study=None, keep_models="best")
    create = MlflowClient.create_run

    def create_twice(*arguments: Any, **named: Any) -> Any:
        create(*arguments, **named)
        return create(*arguments, **named)

    monkeypatch.setattr(MlflowClient, "create_run", create_twice)
    tracker = MlflowStore(config).open_run("trial 7", Trial(7, "s", "0123"), "some key")
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_run(tracker.run_id).info.experiment_id
    assert [run.info.run_id for run in client.search_runs([experiment])] == [tracker.run_id]


def test_a_file_that_meets_an_outage_is_kept_to_be_sent_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = MlflowTracking(name="mlflow", uri=server.uri, experiment="lmao", study=None, keep_models="best")
    (tmp_path / "result.json").write_text("{}")
    run = outliving(MlflowStore(config), tmp_path, lambda line: None).open_run("trial 7", Trial(7, "s", "0123"))
    server.stop()
    run.artifact(tmp_path / "result.json")
    run.close("FINISHED")
    server.start()
    with monkeypatch.context() as patched:
        patched.setattr(MlflowTracker, "artifact", Mock(side_effect=Away("gone again")))
        with pytest.raises(Away):
            sync([tmp_path], None)
    assert (tmp_path / KEPT).exists()
    sync([tmp_path], None)
    assert not (tmp_path / KEPT).exists()


class WithoutDatabase(BaseHTTPRequestHandler):
    """MLflow's answers while its database is away: its pages are files."""

    def do_GET(self) -> None:
        self.send_response(503 if self.path.startswith("/behind/api/") else 200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def test_a_server_whose_database_is_away_is_away() -> None:
    with HTTPServer(("127.0.0.1", 0), WithoutDatabase) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert is_away(f"http://me:secret@127.0.0.1:{server.server_port}/behind/", ValueError())
        server.shutdown()


@pytest.mark.parametrize(
    "error",
    [
        requests.exceptions.HTTPError(response=Mock(status_code=503)), TimeoutError(),
        requests.exceptions.ReadTimeout(),
        requests.exceptions.ConnectionError(), requests.exceptions.ChunkedEncodingError(),
        requests.exceptions.RetryError("too many 503 error responses"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_a_server_that_is_back_when_it_is_asked_was_away(error: Exception) -> None:
    """What MLflow makes of such an error says nothing but its text."""
    with HTTPServer(("127.0.0.1", 0), WithoutDatabase) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        uri = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(Away), mlflow_errors(uri):
            try:
                raise error
            except OSError:
                raise MlflowException("API request failed")  # noqa: B904 (as MLflow does it)
        with pytest.raises(Unavailable) as refused, mlflow_errors(uri):
            raise MlflowException("no such run")
        server.shutdown()
    assert not isinstance(refused.value, Away)


def test_a_server_whose_certificate_is_not_trusted_is_no_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A company's own is trusted where MLflow's variables say so."""
    certificate, key = str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")
    made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key, "-out", certificate]
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", *made, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), WithoutDatabase) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        uri = f"https://127.0.0.1:{server.server_port}"
        with pytest.raises(Unavailable, match="certificate") as refused, mlflow_errors(uri):
            _reach_server(uri)
        assert not isinstance(refused.value, Away)
        for name, value in {"SERVER_CERT_PATH": certificate, "INSECURE_TLS": "true"}.items():
            with monkeypatch.context() as patch:
                patch.setenv(f"MLFLOW_TRACKING_{name}", value)
                _reach_server(uri)
                with pytest.raises(requests.exceptions.HTTPError):
                    _reach_server(f"{uri}/behind")
        server.shutdown()
