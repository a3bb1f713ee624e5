import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.plan import SEXTET, Plan, Request, plan
from sdd_claims.record import Replica
from sdd_claims.spec import NoiseSpec
from sdd_claims.store import Store
from sdd_claims.tests.tiny import KEPT, NOISY, REDENSE, SPEC, fill, instant_level

WIDER = SPEC.but(model={"hidden": (9,)})  # cannot share a stack with the others
PRUNED_FASTER = SPEC.but(pruning={"fraction": 0.7})

specs = st.sampled_from([SPEC, NOISY, WIDER, PRUNED_FASTER, KEPT, REDENSE])
some_seeds = st.lists(st.integers(1000, 1030) | st.integers(1090, 1110), unique=True, min_size=1, max_size=12)
whole_sextets = st.sets(st.integers(0, 33), min_size=1, max_size=3).map(
    lambda places: tuple(seed for place in sorted(places) for seed in sextet(place))
)
sizes = st.sampled_from([SEXTET, 12, 20])


def sextet(place: int) -> range:
    """The seeds that train together: 17 sets in each hundred, the last one of four."""
    hundred, first = 1000 + place // 17 * 100, place % 17 * SEXTET
    return range(hundred + first, hundred + min(first + SEXTET, 100))


def asking(seeds: st.SearchStrategy[tuple[int, ...]]) -> st.SearchStrategy[list[Request]]:
    return st.lists(st.builds(Request, specs, seeds, st.integers(1, 4)), max_size=6)


requests = asking(some_seeds.map(tuple))


def companions(made: Plan) -> dict[Replica, tuple[Replica, ...]]:
    return {replica: stack.replicas for stack in made.stacks for replica in stack.replicas}


@given(requests)
def test_every_replica_asked_for_stands_in_one_stack_with_the_most_levels_asked(asked):
    made = plan(asked)
    wanted: dict[tuple[str, int], int] = {}
    for request in asked:
        for spec in (request.spec, request.spec.parent):
            for seed in request.seeds if spec else ():
                key = (spec.digest, seed)
                wanted[key] = max(wanted.get(key, 0), request.levels)
    in_stacks = [(r.key, n) for stack in made.stacks for r, n in zip(stack.replicas, stack.levels, strict=True)]
    assert len(in_stacks) == len(dict(in_stacks))
    assert dict(in_stacks) == wanted == {replica.key: n for replica, n in made.wanted.items()}
    assert made.needed == sum(wanted.values())
    assert made.asked == sum(
        len(request.seeds) * request.levels * (2 if request.spec.parent else 1) for request in asked
    )


@given(requests, sizes)
def test_a_stack_holds_what_can_be_trained_as_one_tensor_and_not_more_than_fits(asked, size):
    for stack in plan(asked, size).stacks:
        assert len({replica.spec.stack_key() for replica in stack.replicas}) == 1
        assert 1 <= len(stack.replicas) <= size


@given(requests, sizes)
def test_seeds_of_one_sextet_are_never_parted(asked, size):
    together = companions(plan(asked, size))
    for replica in together:
        for place in range(34):
            if replica.seed in sextet(place):
                others = {Replica(replica.spec, seed) for seed in sextet(place)} & set(together)
                assert others <= set(together[replica])


@given(asking(whole_sextets), requests)
def test_who_trains_with_whom_does_not_depend_on_what_else_is_asked_for(asked, more):
    """Of sextets asked for whole; whatever more is asked, of them or of others, adds levels and stacks."""
    alone, beside = companions(plan(asked)), companions(plan([*asked, *more]))
    for replica, members in alone.items():
        assert beside[replica] == members
        assert {member.spec for member in members} == {replica.spec}
        (place,) = [place for place in range(34) if replica.seed in sextet(place)]
        assert [member.seed for member in members] == list(sextet(place))


@given(requests, st.data())
def test_stacks_do_not_depend_on_the_order_of_requests_or_of_seeds_or_on_repetition(asked, data):
    shuffled = [
        Request(each.spec, tuple(data.draw(st.permutations(each.seeds))), each.levels)
        for each in data.draw(st.permutations([*asked, *asked[:1]]))
    ]
    for size in (SEXTET, 12):
        assert plan(shuffled, size).stacks == plan(asked, size).stacks


def test_sextets_are_cut_from_each_hundred_of_seeds():
    made = plan([Request(SPEC, (1000, 1005, 1006, 1095, 1096, 1099, 1100, 1105), 1)])
    assert sorted([replica.seed for replica in stack.replicas] for stack in made.stacks) == [
        [1000, 1005],
        [1006],
        [1095],
        [1096, 1099],
        [1100, 1105],
    ]


@pytest.mark.parametrize(("size", "stacks"), [(SEXTET, [2, 2, 2, 2]), (7, [2, 6]), (8, [8]), (100, [8])])
def test_settings_that_differ_only_in_numbers_share_a_stack_where_it_holds_more_than_a_sextet(size, stacks):
    more_noise = SPEC.but(noise=NoiseSpec(kind="symmetric_permute", rate=0.9))
    made = plan([Request(spec, (1000, 1001), 2) for spec in (SPEC, NOISY, PRUNED_FASTER, more_noise)], size)
    assert sorted(len(stack.replicas) for stack in made.stacks) == stacks


# What is derived


def test_what_is_derived_asks_for_the_same_levels_of_its_chain():
    made = plan([Request(REDENSE, (1000, 1001), 3), Request(KEPT, (1000,), 2)])
    assert made.wanted == {Replica(spec, seed): 3 for spec in (KEPT, REDENSE) for seed in (1000, 1001)}
    assert made.asked == 2 * 2 * 3 + 2


@given(requests, sizes)
def test_chains_come_before_what_is_derived_and_the_longest_of_each_first(asked, size):
    stacks = plan(asked, size).stacks
    derived = [stack.replicas[0].parent is not None for stack in stacks]
    assert derived == sorted(derived)
    for kind in (False, True):
        lengths = [sum(stack.levels) for stack, is_derived in zip(stacks, derived, strict=True) if is_derived == kind]
        assert lengths == sorted(lengths, reverse=True)


def test_parents_are_unfinished_until_they_are_stored_as_far_as_is_derived(tmp_path):
    store = Store(tmp_path)
    chains, derived = plan([Request(REDENSE, (1000, 1001), 2)]).stacks
    assert chains.unfinished_parents(store) == []
    assert derived.unfinished_parents(store) == [Replica(KEPT, 1000), Replica(KEPT, 1001)]
    fill(store, plan([Request(KEPT, (1000,), 1), Request(KEPT, (1001,), 3)]))
    assert derived.unfinished_parents(store) == [Replica(KEPT, 1000)]
    fill(store, plan([Request(KEPT, (1002,), 2)]))
    assert derived.unfinished_parents(store) == [Replica(KEPT, 1000)]
    behind = Replica(KEPT, 1000)
    store.commit([(behind, *instant_level(behind, 1, store.state(behind, 0)))], {})
    assert derived.unfinished_parents(store) == []


def test_stored_counts_what_is_asked_and_there(tmp_path):
    store = Store(tmp_path)
    made = plan([Request(SPEC, (1000, 1001, 1002), 3), Request(NOISY, (1000,), 2)])
    assert (made.asked, made.needed, made.stored(store)) == (11, 11, 0)
    fill(store, plan([Request(SPEC, (1000,), 2), Request(SPEC, (1001, 1005), 4)]))
    assert made.stored(store) == 2 + 3  # of four levels three are asked, and nobody asks for seed 1005
    assert sum(stack.remaining(store) for stack in made.stacks) == 11 - 5


def test_claims_that_ask_for_the_same_count_each_and_train_once():
    made = plan([Request(SPEC, (1000, 1001), 3), Request(SPEC, (1001, 1002), 2)])
    assert (made.asked, made.needed) == (10, 3 + 3 + 2)
