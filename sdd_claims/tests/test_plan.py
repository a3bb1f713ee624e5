from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.plan import STACK_SIZE, Request, plan
from sdd_claims.spec import NoiseSpec
from sdd_claims.store import Store
from sdd_claims.tests.tiny import NOISY, SPEC, fill

WIDER = SPEC.but(model={"hidden": (9,)})  # cannot share a stack with the others
PRUNED_FASTER = SPEC.but(pruning={"fraction": 0.7})

requests = st.lists(
    st.builds(
        Request,
        st.sampled_from([SPEC, NOISY, WIDER, PRUNED_FASTER]),
        st.lists(st.integers(1000, 1030), unique=True, min_size=1, max_size=12).map(tuple),
        st.integers(1, 4),
    ),
    max_size=6,
)


@given(requests)
def test_every_replica_asked_for_stands_in_one_stack_with_the_most_levels_asked(asked):
    made = plan(asked)
    wanted: dict[tuple[str, int], int] = {}
    for request in asked:
        for seed in request.seeds:
            key = (request.spec.digest, seed)
            wanted[key] = max(wanted.get(key, 0), request.levels)
    in_stacks = [(r.key, n) for stack in made.stacks for r, n in zip(stack.replicas, stack.levels, strict=True)]
    assert len(in_stacks) == len(dict(in_stacks))
    assert dict(in_stacks) == wanted == {replica.key: n for replica, n in made.wanted.items()}
    assert made.needed == sum(wanted.values())
    assert made.asked == sum(len(request.seeds) * request.levels for request in asked)


@given(requests)
def test_a_stack_holds_what_can_be_trained_as_one_tensor_and_not_more_than_fits(asked):
    for stack in plan(asked).stacks:
        assert len({replica.spec.stack_key() for replica in stack.replicas}) == 1
        assert 1 <= len(stack.replicas) <= STACK_SIZE


@given(requests, st.data())
def test_stacks_do_not_depend_on_the_order_of_requests_or_of_seeds_or_on_repetition(asked, data):
    shuffled = [
        Request(each.spec, tuple(data.draw(st.permutations(each.seeds))), each.levels)
        for each in data.draw(st.permutations([*asked, *asked[:1]]))
    ]
    assert plan(shuffled).stacks == plan(asked).stacks


@given(st.integers(1, 40))
def test_stacks_of_one_group_are_even(replicas):
    sizes = [len(s.replicas) for s in plan([Request(SPEC, tuple(range(1000, 1000 + replicas)), 1)]).stacks]
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == -(-replicas // STACK_SIZE)


def test_settings_that_differ_only_in_numbers_share_a_stack():
    more_noise = SPEC.but(noise=NoiseSpec(kind="symmetric_permute", rate=0.9))
    made = plan([Request(spec, (1000, 1001), 2) for spec in (SPEC, NOISY, PRUNED_FASTER, more_noise)])
    assert [len(stack.replicas) for stack in made.stacks] == [8]


def test_stored_counts_what_is_asked_and_there(tmp_path):
    store = Store(tmp_path)
    made = plan([Request(SPEC, (1000, 1001, 1002), 3), Request(NOISY, (1000,), 2)])
    assert (made.asked, made.needed, made.stored(store)) == (11, 11, 0)
    fill(store, plan([Request(SPEC, (1000,), 2), Request(SPEC, (1001, 1005), 4)]))
    assert made.stored(store) == 2 + 3  # of four levels three are asked, and nobody asks for seed 1005
    assert [stack.remaining(store) for stack in made.stacks] == [11 - 5]


def test_claims_that_ask_for_the_same_count_each_and_train_once():
    made = plan([Request(SPEC, (1000, 1001), 3), Request(SPEC, (1001, 1002), 2)])
    assert (made.asked, made.needed) == (10, 3 + 3 + 2)
