import argparse

import pytest

from client.connection import add_connection, connect
from client.errors import ClientError
from client.properties import address, read_properties


def given(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_connection(parser, timeout_s=7)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("line", "url"),
    [
        pytest.param("", "http://127.0.0.1:8081", id="TorchServe's default"),
        pytest.param("http://127.0.0.1:9001", "http://127.0.0.1:9001", id="this machine"),
        pytest.param("http://0.0.0.0:9001", "http://127.0.0.1:9001", id="all addresses"),
        pytest.param("http://[::]:9001", "http://[::1]:9001", id="all addresses, IPv6"),
        pytest.param("https://gpu1:8443", "https://gpu1:8443", id="another machine"),
        pytest.param("http://gpu1", "http://gpu1", id="no port"),
    ],
)
def test_where_the_server_is_reached(line, url):
    properties = {"management_address": line} if line else {}
    assert address(properties, "management") == url


def test_reads_lines_as_torchserve_does(tmp_path):
    file = tmp_path / "config.properties"
    file.write_text("# a=1\nmodel_store = models \nvmargs=-Dx=y\n\nnonsense\n")
    assert read_properties(file) == {"model_store": "models", "vmargs": "-Dx=y"}


def test_a_config_that_is_not_there(tmp_path):
    with pytest.raises(ClientError, match=r"none\.properties cannot be read"):
        connect(given("--ts-config", str(tmp_path / "none.properties")))


@pytest.mark.parametrize("words", ["0", "-1", "nan", "inf", "soon"])
def test_a_time_out_that_is_none_is_a_usage_error(words, capsys):
    with pytest.raises(SystemExit) as ended:
        given("--timeout", words)
    assert ended.value.code == 2
    assert "--timeout: " in capsys.readouterr().err


def test_takes_addresses_from_config_properties(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.properties").write_text("inference_address=http://127.0.0.1:9000\n")
    connection = connect(given())
    assert connection.inference_url == "http://127.0.0.1:9000"
    assert connection.management_url == "http://127.0.0.1:8081"
    assert connection.management.timeout_s == 7
    assert connect(given("--inference", "http://a:1/")).inference_url == "http://a:1"


@pytest.mark.parametrize(
    ("inference", "line", "management"),
    [
        pytest.param("http://gpu1:8080", "", None, id="another machine"),
        pytest.param("https://models.example.org", "http://0.0.0.0:1", None, id="not its own"),
        pytest.param("http://gpu1:1", "http://gpu1:9001", "http://gpu1:9001", id="of properties"),
        pytest.param("http://127.0.0.1:1", "", "http://127.0.0.1:8081", id="this machine"),
        pytest.param("http://localhost:1", "", "http://127.0.0.1:8081", id="this one by its name"),
        pytest.param("http://[::1]:1", "", "http://127.0.0.1:8081", id="this one by IPv6"),
        pytest.param("gpu1", "", None, id="no address"),
        pytest.param("http://[gpu1", "", None, id="no address either"),
    ],
)
def test_no_other_server_is_asked_about_models(inference, line, management, tmp_path):
    file = tmp_path / "config.properties"
    file.write_text(f"management_address={line}\n" if line else "")
    words = ("--ts-config", str(file), "--inference", inference)
    found = connect(given(*words))
    assert found.management_url == management
    if management is None:
        with pytest.raises(ClientError, match="has not been said: --management names it"):
            _ = found.management
    assert connect(given(*words, "--management", "http://b:1/")).management.url == "http://b:1"


def test_a_server_of_this_machine_may_answer_others_alone(tmp_path):
    file = tmp_path / "config.properties"
    file.write_text("inference_address=http://10.0.0.5:8080\n")
    found = connect(given("--ts-config", str(file)))
    assert found.inference_url == "http://10.0.0.5:8080"
    assert found.management_url == "http://127.0.0.1:8081"


def test_keys_come_from_the_file_or_from_the_environment(tmp_path, monkeypatch):
    (tmp_path / "key_file.json").write_text(
        '{"inference": {"key": "of-file"}, "management": {"key": "m"}}'
    )
    connection = connect(given("--key-folder", str(tmp_path)))
    assert connection.inference_key == "of-file"
    assert connection.management.token == "m"
    monkeypatch.setenv("TORCHSERVE_INFERENCE_KEY", "of-environment")
    assert connection.inference_key == "of-environment"


def test_a_server_without_keys(tmp_path, monkeypatch):
    monkeypatch.delenv("TORCHSERVE_INFERENCE_KEY", raising=False)
    assert connect(given("--key-folder", str(tmp_path))).inference_key is None
