from sdd_claims.record import Replica
from sdd_claims.spec import RunSpec


def test_a_replica_is_one_seed_of_one_digest():
    spec = RunSpec()
    assert Replica(spec, 1000).key == (spec.digest, 1000)
    assert len({Replica(spec, 1000), Replica(RunSpec(), 1000), Replica(spec, 1001)}) == 2
