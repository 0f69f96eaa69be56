"""Rules between sections and entries."""

from __future__ import annotations

import pytest

from gateway.config import load_config
from gateway.config.rules import cuda_problem
from tests.config.problems import problems


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "gateway.example.com"])
def test_an_address_that_others_reach_needs_an_explicit_word(host: str) -> None:
    message = problems(f'[gateway]\nhost = "{host}"')["gateway.host"]
    assert "allow_insecure_bind" in message
    assert "127.0.0.1" in message


def test_with_the_explicit_word_and_auth_it_is_taken() -> None:
    assert load_config('[gateway]\nhost = "0.0.0.0"\nallow_insecure_bind = true').gateway.host == "0.0.0.0"


def test_without_auth_it_is_refused_whatever_is_said() -> None:
    text = '[gateway]\nhost = "0.0.0.0"\nallow_insecure_bind = true\n[auth]\nenabled = false'
    assert "auth.enabled" in problems(text)["gateway.host"]


def test_without_auth_on_loopback_is_the_operators_choice() -> None:
    assert not load_config("[auth]\nenabled = false").auth.enabled


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("", "server[0]"),
        ('command = ["x"]\nurl = "https://x"', "server[0]"),
        ('from = "npm:x"\nurl = "https://x"', "server[0]"),
        ('url = "https://x"\nargs = ["y"]', "server[0]"),
        ('url = "https://x"\n[server.env]\nA = "b"', "server[0]"),
        ('command = ["x"]\n[server.headers]\nA = "b"', "server[0].headers"),
        ('command = ["x"]\n[server.config]\nA = "b"', "server[0].config"),
        ('command = ["x"]\n[server.limits]\ntimeout_s = 200\nmax_timeout_s = 100', "server[0].limits.timeout_s"),
        ('command = ["x"]\n[server.restart]\nRestartSec = 61', "server[0].restart.RestartSec"),
    ],
)
def test_a_server_that_contradicts_itself_is_refused(body: str, path: str) -> None:
    assert set(problems(f'[[server]]\nname = "x"\n{body}')) == {path}


def test_two_servers_of_one_name_are_refused() -> None:
    one = '[[server]]\nname = "x"\ncommand = ["x"]\n'
    assert problems(one + one) == {"server[1].name": '"x" is already the name of server[0]'}


def test_two_profiles_of_one_name_are_refused() -> None:
    one = '[[profile]]\nname = "x"\n'
    assert set(problems(one + one)) == {"profile[1].name"}


def test_a_profile_may_name_servers_of_the_file_and_installed_ones() -> None:
    text = '[[server]]\nname = "a"\ncommand = ["a"]\n[[profile]]\nname = "p"\nservers = ["a", "b"]\n'
    assert load_config(text, installed=("b",)).profile[0].servers == ("a", "b")
    found = problems(text, installed=())
    assert found == {"profile[0].servers[1]": 'no server is named "b"; known: a'}


def test_a_profile_cannot_be_judged_without_knowing_what_is_installed() -> None:
    assert load_config('[[profile]]\nname = "p"\nservers = ["b"]').profile[0].servers == ("b",)


def test_learning_and_registry_keys_that_contradict_each_other() -> None:
    assert set(problems("[learning]\nbatch = 100\nbuffer = 10")) == {"learning.batch"}
    assert set(problems("[learning]\nprior_a = 0\nprior_b = 0")) == {"learning.prior_a"}
    assert set(problems('[smithery]\napi_key = "k"\napi_key_file = "f"')) == {"smithery.api_key_file"}


def test_a_cpu_needs_no_driver() -> None:
    assert cuda_problem("cpu", lambda _: False) is None
    assert cuda_problem("auto", lambda _: False) is None


def test_cuda_without_cuda_is_one_clear_line() -> None:
    problem = cuda_problem("cuda", lambda _: False)
    assert problem is not None
    assert problem.path == "learning.device"
    assert "no CUDA device" in problem.message
    assert "\n" not in problem.message


def test_a_gpu_that_is_not_there_is_told_by_its_number() -> None:
    there = {"/dev/nvidiactl", "/dev/nvidia0"}
    assert cuda_problem("cuda", there.__contains__) is None
    assert cuda_problem("cuda:0", there.__contains__) is None
    missing = cuda_problem("cuda:1", there.__contains__)
    assert missing is not None
    assert "number 1" in missing.message
