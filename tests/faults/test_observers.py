"""Who reads while another process writes finds what is whole. Oftener by hand: `python -m benchmarks.faults --parts
observers`."""

from pathlib import Path

from benchmarks.faults.observers import of_a_run


def test_predictions_of_a_run_that_is_made_again_in_its_folder(tmp_path: Path) -> None:
    done, wrong = of_a_run(tmp_path / "run", 4)
    assert (done > 0, wrong) == (True, [])
