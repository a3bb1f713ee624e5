import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.storage.checksummed_json import seal, unseal

CONTENT = {"records": [{"level": 0, "density": 1.0, "test_loss": None}], "name": "é"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_what_is_sealed_comes_back(content):
    assert unseal(seal(content)) == content


@given(st.integers(0, len(seal(CONTENT)) - 1), st.integers(1, 255))
def test_any_byte_changed_is_found(place, change):
    raw = bytearray(seal(CONTENT))
    raw[place] ^= change
    with pytest.raises(ValueError, match=r"."):
        unseal(bytes(raw))


@given(st.integers(0, len(seal(CONTENT)) - 1))
def test_any_torn_end_is_found(length):
    with pytest.raises(ValueError, match=r"."):
        unseal(seal(CONTENT)[:length])


@pytest.mark.parametrize("raw", [b"[]", b"1", b"null", b"{}", b'{"content":1}', b'{"content":1,"sha256":""}\n'])
def test_other_json_is_refused(raw):
    with pytest.raises(ValueError, match="its content does not match its checksum"):
        unseal(raw)


def test_infinity_cannot_be_sealed():
    with pytest.raises(ValueError, match="not JSON compliant"):
        seal({"a": float("inf")})
