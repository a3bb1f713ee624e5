from argparse import Namespace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.errors import InputError
from sdd_claims.judging.modes import Judging, Pilots, Smoke
from sdd_claims.judging.options import choose_devices, parse_block, parse_seeds, settings_of
from sdd_claims.machine.devices import CPU, Device
from sdd_claims.registration.register import the_register
from sdd_claims.report.numbers import seed_list
from sdd_claims.tests.homeless import no_home

__all__ = ["no_home"]

REGISTERED = the_register()

CUDA = Device("cuda")


def given_options(**options):
    names = (
        "store",
        "report",
        "evidence",
        "data_root",
        "device",
        "engine",
        "seeds",
        "block",
        "budget",
        "rate",
        "per_device",
        "ray_address",
    )
    nothing = dict.fromkeys(names)
    return Namespace(**{**nothing, "smoke": False, "pilots": False, "strict_verdicts": False, **options})


def settings(in_worker=False, root=Path("/checkout"), **options):
    return settings_of(given_options(**options), REGISTERED, root, in_worker)


def test_without_options_each_trial_judges_on_its_own_seeds_with_a_pool():
    chosen = settings()
    assert (chosen.engine, chosen.seeds, chosen.mode) == ("pool", None, Judging())
    assert (chosen.alpha, chosen.registered) == (the_register().alpha, the_register().registered)
    assert chosen.store == Path("/checkout/.sdd_store")


def test_folders_lie_in_the_checkout_and_those_that_are_named_are_seen_from_here(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path)
    assert settings().report == Path("/checkout/reports/latest")
    assert settings(pilots=True).report == Path("/checkout/reports/pilots")
    home = settings(store="~/x", report="~/x", data_root="~/x")
    assert home.store == home.report == home.data_root == Path("/home/me/x")
    here = settings(store="x", report="x", data_root="x")
    assert here.store == here.report == here.data_root == tmp_path / "x"


def test_a_report_in_the_home_of_nobody_is_refused_before_anything_is_trained():
    with pytest.raises(InputError, match=r"~nobody-here/x cannot be found: .* give the whole path with --report=DIR"):
        settings(report="~nobody-here/x")


def test_an_option_chooses_the_mode():
    assert settings(pilots=True).mode == Pilots()
    assert settings(smoke=True, data_root="/data").mode == Smoke(Path("/data"))


@pytest.mark.parametrize("engine", [None, "serial", "pool"])
def test_a_worker_of_xdist_trains_in_its_own_process(engine):
    assert settings(in_worker=True, engine=engine).engine == "serial"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"engine": "dask"}, r"--engine dask: there is no such engine; use one of: serial, pool, ray"),
        (
            {"ray_address": "head:6379"},
            "--ray-address head:6379: only --engine ray connects to a cluster; give it, too",
        ),
        ({"engine": "ray", "numprocesses": 2}, "--engine ray shares the work out itself; leave -n out"),
        ({"engine": "pool", "numprocesses": 2}, "--engine pool shares the work out itself; leave -n out"),
        (
            {"engine": "ray", "device": "cuda:1"},
            "--device cuda:1: Ray chooses the GPU of each task; give --device cuda",
        ),
        ({"engine": "ray", "per_device": "0"}, "--per-device 0: give the number of processes that share a GPU, 1 or"),
        ({"engine": "ray", "per_device": "-1"}, "--per-device -1: give the number"),
        ({"engine": "ray", "per_device": "two"}, "--per-device two: give the number"),
        (
            {"device": "cpu", "per_device": "2"},
            "--per-device 2: it is about GPUs, and a CPU trains in one process a core",
        ),
        ({"device": "tpu"}, r"--device tpu: there is no such device; use cpu, cuda or cuda:N"),
        ({"device": "cuda:x"}, "there is no such device"),
        ({"device": ""}, "there is no such device"),
        ({"smoke": True, "pilots": True}, "--smoke, --pilots, --seeds and --block exclude each other"),
        ({"smoke": True, "seeds": "1000-1011"}, "exclude each other"),
        ({"pilots": True, "seeds": "1000-1011"}, "exclude each other"),
        ({"smoke": True, "budget": "1"}, "--smoke trains next to nothing and knows no --budget; give one of them"),
        (
            {"strict_verdicts": True, "budget": "1"},
            "--strict-verdicts takes only .* --budget leaves claims unjudged or open, .*; give one of them",
        ),
        ({"strict_verdicts": True, "smoke": True}, "--strict-verdicts is about verdicts, and --smoke judges nothing"),
        ({"strict_verdicts": True, "pilots": True}, "and --pilots judges nothing; give one of them"),
        *(
            ({name: ""}, f"--{name.replace('_', '-')} is empty; give it a value, or leave it out")
            for name in ("store", "report", "evidence", "data_root", "ray_address")
        ),
        ({"budget": "0"}, "--budget 0: '0' is no number above 0; give hours, such as 0.5 or 12"),
        ({"budget": "-1"}, "--budget -1: .* give hours"),
        ({"budget": "nan"}, "--budget nan: .* give hours"),
        ({"budget": "inf"}, "--budget inf: .* give hours"),
        ({"budget": "1h"}, "--budget 1h: .* give hours"),
        ({"budget": ""}, "--budget : '' is no number above 0; give hours"),
        ({"rate": "fast"}, "--rate fast: .* give operations a second in TFLOP, such as 20"),
        ({"seeds": "-1"}, "seed -1 is negative"),
        ({"seeds": "1000,1001,1000"}, "seed 1000 is given twice"),
        ({"seeds": "1000-1005,1003"}, "seed 1003 is given twice"),
        ({"seeds": "999,1000"}, "seed 999 is a pilot: .* give seeds from 1000 on, or use --pilots"),
        ({"seeds": "0-11"}, "seed 0 is a pilot"),
    ],
)
def test_an_option_that_means_nothing_is_refused_with_the_remedy(options, sentence):
    with pytest.raises(InputError, match=sentence):
        settings(**options)


def test_hours_and_operations_are_read():
    chosen = settings(budget="1.5", rate="20")
    assert (chosen.budget, chosen.rate) == (1.5, 20e12)
    assert (settings().budget, settings().rate) == (None, None)


@pytest.mark.parametrize(
    "text", ["", " ", "many", "1000;1001", "1000,", "1000-", "1000--1011", "1e3", "1000.5", "1000-1011-1012"]
)
def test_what_is_no_list_of_seeds_is_refused(text):
    with pytest.raises(InputError, match="is no seed; give a list such as 60000-60011,60020"):
        parse_seeds(text)


def test_a_range_that_runs_backwards_is_refused():
    with pytest.raises(InputError, match="'1000-11000' are more than 10,000 seeds; give fewer"):
        parse_seeds("5,1000-11000")
    with pytest.raises(InputError, match="is no seed"):
        parse_seeds("9" * 5000)
    with pytest.raises(InputError, match="there is no such block"):
        parse_block(f"{'9' * 5000}000")
    with pytest.raises(InputError, match="'1011-1000' runs backwards"):
        parse_seeds("1020,1011-1000")


def test_a_list_of_seeds_is_read():
    assert parse_seeds("1000-1003, 1010,1005") == (1000, 1001, 1002, 1003, 1005, 1010)
    assert parse_seeds(None) is None


def test_a_block_is_named_by_its_first_seed():
    assert parse_block("10000") == 10000
    assert parse_block(None) is None


@pytest.mark.parametrize("text", ["0", "500", "1005", "-1000", "01000", "many", ""])
def test_what_is_no_block_that_can_judge_is_refused(text):
    with pytest.raises(InputError, match="there is no such block; give the first of its seeds, such as 60000"):
        parse_block(text)


@given(st.sets(st.integers(0, 3000), min_size=1, max_size=30))
def test_the_list_in_a_rerun_line_names_the_same_seeds(seeds):
    text = seed_list(sorted(seeds)).replace("–", "-").replace(" ", "")
    assert parse_seeds(text) == tuple(sorted(seeds))


def test_on_a_cluster_the_gpus_of_this_machine_say_nothing(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    chosen = settings(engine="ray", device="cuda", ray_address="head:6379", per_device="4")
    assert chosen.devices == {"fast": CUDA, "full": CUDA}
    assert (chosen.engine, chosen.ray_address, chosen.per_device) == ("ray", "head:6379", 4)
    assert settings(engine="ray").devices == {"fast": CPU, "full": CUDA}


@pytest.mark.parametrize("per_device", [None, "1", "3"])
def test_processes_share_a_gpu_where_that_is_asked_for(monkeypatch, per_device):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert settings(device="cuda", per_device=per_device).per_device == int(per_device or 1)


def test_a_store_at_a_url_has_a_working_copy_of_its_own():
    first, second = (settings(store=f"s3://bucket/{name}") for name in ("first", "second"))
    assert (first.url, second.url) == ("s3://bucket/first", "s3://bucket/second")
    assert first.store != second.store
    assert first.store == settings(store="s3://bucket/first").store
    assert settings(store="folder").url is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"store": "s3://bucket/results"},
            "set HOME to a folder that keeps a copy of s3://bucket/results, or .*--store=",
        ),
        ({"store": "~/results"}, "~/results cannot be found: .* give the whole path with --store=DIR"),
        ({"data_root": "~/data"}, "~/data cannot be found: .* give the whole path with --data-root=DIR"),
    ],
)
def test_a_user_without_a_home_is_told_what_to_give(no_home, options, sentence):
    with pytest.raises(InputError, match=sentence):
        settings(**options)


@pytest.mark.parametrize(
    ("count", "device", "devices"),
    [
        (0, None, {"fast": CPU, "full": None}),
        (2, None, {"fast": CPU, "full": CUDA}),
        (0, "cpu", {"fast": CPU, "full": CPU}),
        (2, "cuda", {"fast": CUDA, "full": CUDA}),
        (2, "cuda:1", {"fast": Device("cuda:1"), "full": Device("cuda:1")}),
    ],
)
def test_the_fast_tier_is_at_home_on_the_cpu_and_the_full_one_on_a_gpu(monkeypatch, count, device, devices):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    assert choose_devices(device) == devices


@pytest.mark.parametrize(("count", "device"), [(0, "cuda"), (0, "cuda:0"), (1, "cuda:1"), (2, "cuda:7")])
def test_a_gpu_that_is_not_there_is_refused_with_the_number_of_those_that_are(monkeypatch, count, device):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(InputError, match=f"--device {device}: this machine shows {count} CUDA devices; use cpu or one"):
        choose_devices(device)


def test_a_cpu_by_number_is_refused():
    with pytest.raises(InputError, match="--device cpu:0: the CPU has no number; use cpu"):
        choose_devices("cpu:0")


def test_published_verifications_are_found(tmp_path):
    folder = tmp_path / "reports" / "published" / "2026-11"
    folder.mkdir(parents=True)
    (folder / "claims.json").write_text('{"claims": []}')
    assert settings(root=tmp_path).published == (folder / "claims.json",)
