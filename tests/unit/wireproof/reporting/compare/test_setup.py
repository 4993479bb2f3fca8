from tests.support import result_samples as samples
from wireproof.reporting.compare.setup import warnings


def test_two_runs_of_one_setting_have_no_warning() -> None:
    """The same machine, target and plan compare."""
    assert warnings(samples.results(), samples.results()) == []


def test_loads_of_different_sizes_are_warned_of() -> None:
    """Where no number of connections was measured twice, no figure compares."""
    import msgspec

    load = samples.load()
    seconds = [msgspec.structs.replace(second, users=7) for second in load.series]
    other = samples.results(load=msgspec.structs.replace(load, series=seconds))
    told = warnings(samples.results(load=load), other)
    assert told == ["no number of connections was measured in both runs"]
