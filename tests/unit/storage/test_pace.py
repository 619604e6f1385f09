import asyncio

import pytest

from ecgbatch.storage import pace as pace_module
from ecgbatch.storage.pace import LONGEST_DELAY_S, Pace, delay_s


def test_no_more_requests_than_allowed_are_in_flight():
    pace = Pace(3)
    now, most = 0, 0

    async def request():
        nonlocal now, most
        async with pace:
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1

    async def requests():
        await asyncio.gather(*(request() for _ in range(50)))

    asyncio.run(requests())
    assert (now, most) == (0, 3)


def test_a_refusal_narrows_the_window_and_successes_open_it_again(monkeypatch):
    clock_s = 100.0
    monkeypatch.setattr(pace_module.time, "monotonic", lambda: clock_s)
    pace = Pace(10)
    pace.refused()
    assert pace.window == pytest.approx(7.0)
    pace.refused()
    assert pace.window == pytest.approx(7.0)  # of the same burst
    for _ in range(30):
        clock_s += 1.0
        pace.refused()
    assert pace.window == pytest.approx(1.0)
    for _ in range(200):
        pace.answered()
    assert pace.window == pytest.approx(10.0)


def test_a_request_that_is_cancelled_while_it_waits_does_not_keep_others_waiting():
    async def requests():
        pace = Pace(1)
        async with pace:
            waiting = [asyncio.create_task(_enter(pace)) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
        done = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
        return [isinstance(outcome, asyncio.CancelledError) for outcome in done]

    assert asyncio.run(requests()) == [True, False, False]


async def _enter(pace):
    async with pace:
        await asyncio.sleep(0)


def test_delays_grow_are_bounded_and_differ():
    early = {delay_s(1) for _ in range(100)}
    late = {delay_s(50) for _ in range(100)}
    assert len(early) > 90
    assert max(early) <= 0.2
    assert 0.2 < max(late) <= LONGEST_DELAY_S
