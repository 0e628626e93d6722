from __future__ import annotations

import statistics
from itertools import pairwise

import pytest

from e2e.sandbox.images.modelserver.faults import Dice, FaultError, Faults
from e2e.sandbox.images.modelserver.mishaps import Mishaps


def test_nothing_goes_wrong_by_default() -> None:
    assert Faults.read({}) == Faults()
    assert Faults.read({"ERROR_RATE": " ", "FAIL_LOAD": "0", "OOM": "0"}) == Faults()


def test_all_variables() -> None:
    env = {
        "ERROR_RATE": "0.05",
        "ERROR_STATUS": "422",
        "LATENCY_MS": "20",
        "LATENCY_SIGMA": "0.3",
        "START_DELAY_S": "1.5",
        "FAIL_LOAD": "1",
        "CRASH_AFTER_S": "10",
        "CRASH_AFTER_REQUESTS": "100",
        "OOM": "256",
        "OOM_AFTER_S": "5",
        "FAULT_SEED": "7",
    }
    assert Faults.read(env) == Faults(
        error_rate=0.05,
        error_status=422,
        latency_ms=20,
        latency_sigma=0.3,
        start_delay_s=1.5,
        fail_load=True,
        crash_after_s=10,
        crash_after_requests=100,
        oom_mib=256,
        oom_after_s=5,
        seed=7,
    )


def test_oom_1_grows_without_an_end() -> None:
    assert Faults.read({"OOM": "1"}).oom_mib == 0


@pytest.mark.parametrize(("name", "value"), [("ERROR_RATE", "5%"), ("ERROR_RATE", "1.5"), ("LATENCY_MS", "-1")])
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(FaultError, match=name):
        Faults.read({name: value})


def test_the_share_of_errors_is_the_one_asked_for() -> None:
    dice = Dice(Faults(error_rate=0.05, seed=1))
    failed = sum(dice.fails() for _ in range(20_000))
    assert 850 < failed < 1150  # five standard deviations


def test_errors_are_random_and_not_a_pattern() -> None:
    dice = Dice(Faults(error_rate=0.5, seed=1))
    answers = [dice.fails() for _ in range(1000)]
    runs = 1 + sum(a != b for a, b in pairwise(answers))
    assert 400 < runs < 600


def test_a_seed_repeats_and_no_seed_does_not() -> None:
    def sequence(seed: int | None) -> list[bool]:
        dice = Dice(Faults(error_rate=0.5, seed=seed))
        return [dice.fails() for _ in range(200)]

    assert sequence(7) == sequence(7)
    assert sequence(None) != sequence(None)


def test_latency_is_log_normal_around_its_median() -> None:
    dice = Dice(Faults(latency_ms=20, latency_sigma=0.5, seed=1))
    delays = [dice.delay_s() for _ in range(5000)]
    assert statistics.median(delays) == pytest.approx(0.020, rel=0.05)
    assert statistics.mean(delays) > statistics.median(delays)
    assert Dice(Faults(latency_ms=20)).delay_s() == pytest.approx(0.020)
    assert Dice(Faults(latency_sigma=0.5)).delay_s() == 0


def test_the_request_after_the_last_allowed_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr("e2e.sandbox.images.modelserver.mishaps.os._exit", ended.append)
    mishaps = Mishaps(Faults(crash_after_requests=2))
    mishaps.count_request()
    mishaps.count_request()
    assert ended == []
    mishaps.count_request()
    assert ended == [1]
