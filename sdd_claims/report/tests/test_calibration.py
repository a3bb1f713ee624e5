import pytest

from sdd_claims.report.calibration import exceeds, power_table, repetitions, size_table


def test_the_size_table_puts_every_entry_in_its_cell(calibration):
    table = size_table(calibration)
    cells = [
        (rule, row.verdict, row.seeds, null, cell)
        for rule, rows in table.rules.items()
        for row in rows
        for null, cell in zip(table.nulls, row.cells, strict=True)
    ]
    assert [cell for *_, cell in cells] == calibration["size"]
    assert all((c["rule"], c["verdict"], c["seeds"], c["null"]) == tuple(key) for *key, c in cells if c)


def test_a_null_that_was_not_measured_is_empty(calibration):
    del calibration["size"][-1]
    assert size_table(calibration).rules["same_place"][-1].cells[-1] is None


def test_the_power_table_has_a_column_for_each_number_of_seeds(calibration):
    table = power_table(calibration)
    assert table.seeds == (12, 24)
    assert [entry["rate"] for entry in table.rows["dip_free", "dip of 3 points"] if entry] == [0.71, 0.994]


@pytest.mark.parametrize(("rate", "above"), [(0.0, False), (0.00063, False), (0.00070, False), (0.0009, True)])
def test_only_a_rate_above_nominal_beyond_its_own_error_is_flagged(calibration, rate, above):
    assert exceeds(calibration["size"][0] | {"rate": rate}, 0.00063) is above


def test_repetitions_are_said_as_a_range_where_they_differ(calibration):
    assert repetitions(calibration) == "100,000"
    calibration["power"][0]["repetitions"] = 2000
    assert repetitions(calibration) == "2,000 to 100,000"
