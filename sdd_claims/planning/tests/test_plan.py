from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.planning.plan import STACK_SIZE, Plan, Request, Stack, plan, stack_size
from sdd_claims.record import Replica
from sdd_claims.spec import ModelSpec, RunSpec
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import KEPT, NOISY, REDENSE, SPEC, fill, instant_level

PRUNED_FASTER = SPEC.but(pruning={"fraction": 0.7})  # differs from SPEC in numbers only, as NOISY does
LONGER = SPEC.but(training={"epochs": 3})
LONGER_REDENSE = REDENSE.but(training={"epochs": 3})

specs = st.sampled_from([SPEC, NOISY, PRUNED_FASTER, LONGER, KEPT, REDENSE, LONGER_REDENSE])
some_seeds = st.lists(st.integers(1000, 1030) | st.integers(1090, 1110), unique=True, min_size=1, max_size=12)
whole_stacks = st.sets(st.integers(0, 33), min_size=1, max_size=3).map(
    lambda numbers: tuple(seed for number in sorted(numbers) for seed in stack_of_seeds(number))
)


def stack_of_seeds(number: int) -> range:
    """The seeds that train together: 17 sets in each hundred, the last one of four."""
    hundred, first = 1000 + number // 17 * 100, number % 17 * STACK_SIZE
    return range(hundred + first, hundred + min(first + STACK_SIZE, 100))


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


def test_seeds_in_portable_arithmetic_train_one_at_a_time():
    """Which is as fast, and leaves no core without work."""
    portable = SPEC.but(training={"arithmetic": "portable"})
    assert [len(stack.replicas) for stack in plan([Request(portable, (1000, 1001, 1002), 2)]).stacks] == [1, 1, 1]
    assert stack_size(portable, wide=True) == 1 < stack_size(SPEC)
    both = [Request(spec.but(training={"arithmetic": "portable"}), (1000, 1001), 2) for spec in (SPEC, NOISY)]
    assert [len(stack.replicas) for stack in plan(both, wide=True).stacks] == [1, 1, 1, 1]


@given(requests)
def test_a_stack_is_what_is_asked_of_one_stack_of_one_spec(asked):
    made = plan(asked)
    assert all(len({replica.spec for replica in stack.replicas}) == 1 for stack in made.stacks)
    for replica, members in companions(made).items():
        (number,) = [number for number in range(34) if replica.seed in stack_of_seeds(number)]
        wanted = [seed for seed in stack_of_seeds(number) if Replica(replica.spec, seed) in made.wanted]
        assert [member.seed for member in members] == wanted


@given(requests)
def test_wide_stacks_hold_the_same_replicas_in_fewer_stacks_of_settings_that_may_share_one(asked):
    narrow, wide = plan(asked), plan(asked, wide=True)
    assert wide.wanted == narrow.wanted
    ours, theirs = (sorted(r.key for stack in made.stacks for r in stack.replicas) for made in (wide, narrow))
    assert ours == theirs
    assert len(wide.stacks) <= len(narrow.stacks)
    for stack in wide.stacks:
        assert len({replica.spec.stack_key() for replica in stack.replicas}) == 1
        assert len({replica.parent is None for replica in stack.replicas}) == 1


def test_noise_rates_share_a_wide_stack_and_another_number_of_epochs_does_not():
    asked = [Request(spec, tuple(range(1000, 1024)), 2) for spec in (SPEC, NOISY, LONGER)]
    assert sorted(len(stack.replicas) for stack in plan(asked, wide=True).stacks) == [24, 48]


def test_a_large_network_is_trained_by_itself():
    large = RunSpec(model=ModelSpec(name="resnet18", hidden=(), batch_norm=True))
    for wide in (False, True):
        assert [len(stack.replicas) for stack in plan([Request(large, (0, 1, 2), 1)], wide=wide).stacks] == [1, 1, 1]


@given(asking(whole_stacks), requests)
def test_who_trains_with_whom_does_not_depend_on_what_else_is_asked_for(asked, more):
    """Of stacks asked for whole; whatever more is asked, of them or of others, adds levels and stacks."""
    alone, beside = companions(plan(asked)), companions(plan([*asked, *more]))
    for replica, members in alone.items():
        assert beside[replica] == members
        assert {member.spec for member in members} == {replica.spec}
        (number,) = [number for number in range(34) if replica.seed in stack_of_seeds(number)]
        assert [member.seed for member in members] == list(stack_of_seeds(number))


@given(requests, st.data())
def test_stacks_do_not_depend_on_the_order_of_requests_or_of_seeds_or_on_repetition(asked, data):
    shuffled = [
        Request(each.spec, tuple(data.draw(st.permutations(each.seeds))), each.levels)
        for each in data.draw(st.permutations([*asked, *asked[:1]]))
    ]
    assert plan(shuffled).stacks == plan(asked).stacks


@given(requests, requests)
def test_what_goes_first_changes_the_order_of_stacks_and_nothing_else(asked, more):
    made = plan([*asked, *more])
    ordered = made.first(more)
    assert (ordered.wanted, ordered.asked) == (made.wanted, made.asked)
    assert sorted(ordered.stacks, key=str) == sorted(made.stacks, key=str)
    needed = {
        Replica(spec, seed) for each in more for spec in (each.spec, each.spec.parent) if spec for seed in each.seeds
    }
    early = [not needed.isdisjoint(stack.replicas) for stack in ordered.stacks]
    assert early == sorted(early, reverse=True)


def test_stacks_are_cut_from_each_hundred_of_seeds():
    made = plan([Request(SPEC, (1000, 1005, 1006, 1095, 1096, 1099, 1100, 1105), 1)])
    assert sorted([replica.seed for replica in stack.replicas] for stack in made.stacks) == [
        [1000, 1005],
        [1006],
        [1095],
        [1096, 1099],
        [1100, 1105],
    ]


def test_relu_networks_are_cut_into_larger_stacks():
    spec = RunSpec(model=ModelSpec(name="relu_network", hidden=(8,)))
    made = plan([Request(spec, tuple(range(1000, 1026)), 1), Request(SPEC, (1000, 1011), 1)])
    of_relu = [[r.seed for r in stack.replicas] for stack in made.stacks if stack.replicas[0].spec == spec]
    assert sorted(of_relu) == [list(range(1000, 1012)), list(range(1012, 1024)), [1024, 1025]]
    assert sum(stack.replicas[0].spec == SPEC for stack in made.stacks) == 2


# What is derived


def test_what_is_derived_asks_for_the_same_levels_of_its_chain():
    made = plan([Request(REDENSE, (1000, 1001), 3), Request(KEPT, (1000,), 2)])
    assert made.wanted == {Replica(spec, seed): 3 for spec in (KEPT, REDENSE) for seed in (1000, 1001)}
    assert made.asked == 2 * 2 * 3 + 2


@given(requests)
def test_chains_come_before_what_is_derived_and_the_longest_of_each_first(asked):
    stacks = plan(asked).stacks
    derived = [stack.replicas[0].parent is not None for stack in stacks]
    assert derived == sorted(derived)
    for kind in (False, True):
        lengths = [
            sum(n * replica.spec.training.epochs for replica, n in zip(stack.replicas, stack.levels, strict=True))
            for stack, is_derived in zip(stacks, derived, strict=True)
            if is_derived == kind
        ]
        assert lengths == sorted(lengths, reverse=True)


def test_a_stack_of_fewer_levels_but_more_epochs_comes_first():
    made = plan([Request(SPEC, (1000, 1001), 2), Request(LONGER, (1000,), 3)])
    assert [(stack.replicas[0].spec, stack.epochs) for stack in made.stacks] == [
        (LONGER, 3 * 3),
        (SPEC, 2 * 2 * SPEC.training.epochs),
    ]


def test_the_chains_of_a_derived_stack_are_its_parents_with_the_same_levels():
    chains, derived = plan([Request(REDENSE, (1000, 1001), 2), Request(REDENSE, (1001,), 3)]).stacks
    assert chains.chains is None
    assert derived.chains == Stack((Replica(KEPT, 1000), Replica(KEPT, 1001)), (2, 3)) == chains


def test_what_is_derived_from_a_level_on_asks_for_its_chain_up_to_there():
    late = REDENSE.but(derivation={"from_level": 2})
    made = plan([Request(late, (1000, 1001), 3)])
    assert made.wanted == {Replica(spec, seed): n for spec, n in ((KEPT, 5), (late, 3)) for seed in (1000, 1001)}
    assert made.stacks[1].chains == made.stacks[0]


def test_chains_asked_for_further_are_needed_only_as_far_as_is_derived():
    chains, derived = plan([Request(REDENSE, (1001,), 2), Request(KEPT, (1000, 1001), 4)]).stacks
    assert chains == Stack((Replica(KEPT, 1000), Replica(KEPT, 1001)), (4, 4))
    assert derived.chains == Stack((Replica(KEPT, 1001),), (2,))


def test_chains_remain_until_they_are_stored_as_far_as_is_derived(tmp_path):
    store = Store(tmp_path)
    chains = plan([Request(REDENSE, (1000, 1001), 2)]).stacks[1].chains
    assert chains is not None
    assert chains.remaining(store) == 4
    fill(store, plan([Request(KEPT, (1000,), 1), Request(KEPT, (1001,), 3)]))
    assert chains.remaining(store) == 1
    behind = Replica(KEPT, 1000)
    store.commit([(behind, *instant_level(behind, 1, store.state(behind, 0)))], {})
    assert chains.remaining(store) == 0


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
