import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.machine.devices import CPU
from sdd_claims.planning.budget import Need, affordable, alone_and_unshared, cheapest_first, stored
from sdd_claims.planning.estimate import Estimate, duration, missing
from sdd_claims.planning.plan import Request, plan
from sdd_claims.planning.rates import Rates
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import KEPT, NOISY, REDENSE, SPEC, fill

LONGER = SPEC.but(training={"epochs": 3})

asked = st.lists(
    st.builds(
        Request,
        st.sampled_from([SPEC, NOISY, LONGER, KEPT, REDENSE]),
        st.sets(st.integers(1000, 1003), min_size=1).map(tuple),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=3,
)
selections = st.lists(asked, min_size=1, max_size=5)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A part of what is asked for is stored."""
    opened = Store(tmp_path_factory.mktemp("store"))
    fill(opened, plan([Request(SPEC, (1000, 1001), 2)]))
    return opened


@pytest.fixture(scope="module")
def estimate(store):
    return Estimate(Rates(store, assumed=1e6), CPU, 2)


def in_order(needs, store):
    return list(cheapest_first(needs, stored(needs, store)))


def needs(selection, estimate):
    return [Need(plan(requests), estimate) for requests in selection]


@given(selections)
def test_every_need_comes_once_and_all_together_cost_what_their_plan_does(store, estimate, selection):
    order = in_order(needs(selection, estimate), store)
    assert sorted(place for place, _, _ in order) == list(range(len(selection)))
    whole = plan(request for requests in selection for request in requests)
    assert sum(seconds for _, seconds, _ in order) == pytest.approx(
        estimate.cost(missing(whole.wanted, store)).seconds / 2
    )


@given(selections)
def test_every_next_one_is_the_cheapest_after_those_before_it(store, estimate, selection):
    trained: list[Request] = []
    order = in_order(needs(selection, estimate), store)
    left = dict(enumerate(selection))
    for place, seconds, _ in order:

        def cost(requests):
            return estimate.cost(missing(plan(requests).wanted, store)).seconds / 2

        marginal = {p: cost([*trained, *requests]) - cost(trained) for p, requests in left.items()}
        assert seconds == pytest.approx(marginal[place])
        assert seconds == pytest.approx(min(marginal.values()))
        trained += left.pop(place)


@given(selections)
def test_what_a_claim_does_not_share_is_what_the_others_would_save_without_it(store, estimate, selection):
    def cost(selection):
        wanted = plan(request for requests in selection for request in requests).wanted
        return estimate.cost(missing(wanted, store))

    found = alone_and_unshared(needs(selection, estimate), store)
    for place, (alone, own) in enumerate(found):
        others = [requests for at, requests in enumerate(selection) if at != place]
        assert alone.flops == pytest.approx(cost([selection[place]]).flops)
        assert own.seconds == pytest.approx(cost(selection).seconds - cost(others).seconds)


def test_what_is_stored_comes_first_and_costs_nothing(store, estimate):
    some = [[Request(LONGER, (1000,), 1)], [Request(SPEC, (1000, 1001), 2)], [Request(SPEC, (1000,), 3)]]
    order = {place: (seconds, alone) for place, seconds, alone in in_order(needs(some, estimate), store)}
    assert list(order) == [1, 2, 0]
    assert order[1] == (0, 0)


@pytest.mark.parametrize("processes", [1, 2, 8])
def test_a_need_by_itself_takes_as_long_as_its_plan_does(store, processes):
    estimate = Estimate(Rates(store, assumed=1e6), CPU, processes)
    two_stacks = plan([Request(LONGER, (1000, 1006), 2)])
    ((_, _, alone),) = in_order([Need(two_stacks, estimate)], store)
    assert alone == pytest.approx(duration(two_stacks, store, estimate))


@given(selections, st.floats(0, 2))
def test_what_fits_is_what_a_budget_begins_group_by_group_and_is_over_in_time(store, estimate, selection, part):
    of_all = needs(selection, estimate)
    left = part * sum(seconds for _, seconds, _ in in_order(of_all, store))
    groups = list(affordable(of_all, store, left))
    assert sum(seconds for group in groups for _, seconds in group) <= left * (1 + 1e-9)
    fit = [place for group in groups for place, _ in group]
    assert len(set(fit)) == len(fit)
    done = stored(of_all, store)
    for place in fit:
        done |= {replica.key: wanted for replica, _, wanted in of_all[place].lacking(done)}
    rest = left - sum(seconds for group in groups for _, seconds in group)
    others = [need for place, need in enumerate(of_all) if place not in fit]
    assert all(estimate.alone(need.lacking(done), need.plan.stacks) > rest * (1 - 1e-9) for need in others)


def test_a_need_of_one_stack_is_not_begun_with_others_where_it_does_not_end_in_time(store):
    """All processes share the work of a group, but not that of one of its stacks."""
    estimate = Estimate(Rates(store, assumed=1e6), CPU, 100)
    short, long = Need(plan([Request(SPEC, (1002,), 1)]), estimate), Need(plan([Request(LONGER, (1002,), 1)]), estimate)
    between = (duration(short.plan, store, estimate) + duration(long.plan, store, estimate)) / 2
    assert [[place for place, _ in group] for group in affordable([long, short], store, between)] == [[1]]
    assert [[place for place, _ in group] for group in affordable([long, short], store, 10 * between)] == [[1, 0]]


def test_a_need_that_is_too_long_by_itself_stands_in_the_way_of_no_other(store):
    """One long stack is less work than many short ones, and comes before them."""
    estimate = Estimate(Rates(store, assumed=1e6), CPU, 100)
    long = Need(plan([Request(LONGER, (1002,), 3)]), estimate)
    wide = Need(plan([Request(SPEC, tuple(range(1002, 1022)), 1)]), estimate)
    limit = (duration(wide.plan, store, estimate) + duration(long.plan, store, estimate)) / 2
    assert [place for place, _, _ in in_order([long, wide], store)] == [0, 1]
    assert duration(wide.plan, store, estimate) < limit < duration(long.plan, store, estimate)
    assert [[place for place, _ in group] for group in affordable([long, wide], store, limit)] == [[1]]


def test_nor_does_one_that_fits_no_longer_once_others_are_trained(store):
    estimate = Estimate(Rates(store, assumed=1e6), CPU, 4)
    short = [Need(plan([Request(SPEC, tuple(range(6 * n, 6 * n + 24)), 1)]), estimate) for n in (200, 204)]
    long = Need(plan([Request(LONGER, (1002,), 20)]), estimate)  # less work than the next, but of one stack
    wide = Need(plan([Request(LONGER, tuple(range(1300, 1324)), 1)]), estimate)
    order = [*short, long, wide]
    assert [place for place, _, _ in in_order(order, store)] == [0, 1, 2, 3]
    took = [duration(need.plan, store, estimate) for need in order]
    assert took[2] > took[3]
    groups = list(affordable(order, store, took[0] + took[1] + (took[2] + took[3]) / 2))
    assert [place for group in groups for place, _ in group] == [0, 1, 3]


def test_needs_go_together_while_all_of_them_take_no_more_than_a_tenth_of_the_time_left(store):
    estimate = Estimate(Rates(store, assumed=1e6), CPU, 1)
    two = [Need(plan([Request(SPEC, (seed,), 1)]), estimate) for seed in (1002, 1003)]
    one = duration(two[0].plan, store, estimate)
    assert [[place for place, _ in group] for group in affordable(two, store, 15 * one)] == [[0], [1]]
    assert [[place for place, _ in group] for group in affordable(two, store, 25 * one)] == [[0, 1]]


def test_a_need_of_one_stack_takes_as_long_as_that_stack_however_many_processes_there_are(store):
    estimate = Estimate(Rates(store, assumed=1e6), CPU, 100)
    need = Need(plan([Request(LONGER, (1002,), 2)]), estimate)
    (((_, seconds),),) = affordable([need], store, 1e9)
    assert seconds == pytest.approx(duration(need.plan, store, estimate))
