"""What is read from Optuna's database, and the error if there is none."""

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution, distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb.models import TrialModel
from optuna.trial import TrialState
from sqlalchemy import create_engine, text, update

from lmao.errors import UserError
from lmao.sweep.models import best_trial
from lmao.sweep.reading import read_studies
from lmao.sweep.records import State
from lmao.sweep.storage import open_storage
from tests.support.synthetic import StudyMaker


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'optuna.db'}"


def make(storage: str, tmp_path: Path, name: str = "imdb-cosine-pretrain1", **attributes: object) -> StudyMaker:
    return StudyMaker(storage, name, tmp_path, science={"pretrain.epochs": 1}, **attributes)  # type: ignore[arg-type]


def test_states_and_progress_are_counted(storage: str, tmp_path: Path) -> None:
    maker = make(storage, tmp_path, n_trials=5)
    maker.complete(0.8)
    maker.prune([0.5, 0.7, 0.6])
    maker.fail("loss is not finite")
    maker.begin()
    (study,) = read_studies(storage, "*")
    assert [trial.state for trial in study.trials] == [State.COMPLETE, State.PRUNED, State.FAILED, State.RUNNING]
    assert [trial.reached for trial in study.trials] == [0.8, 0.6, None, None]
    assert (study.finished, study.budget, study.done) == (3, 5, False)
    assert study.trials[2].error == "loss is not finite"
    assert study.trials[0].parameters.keys() == study.space.keys()


def test_a_trial_lost_to_a_kill_is_listed_apart(storage: str, tmp_path: Path) -> None:
    maker = make(storage, tmp_path, n_trials=2)
    lost = maker.fail("killed")
    maker.complete(0.8, replaces=lost.number)
    maker.fail("loss is not finite")
    (study,) = read_studies(storage, "*")
    assert [trial.number for trial in study.lost] == [lost.number]
    assert [trial.number for trial in study.trials] == [1, 2]
    assert study.done


def test_of_equal_trials_the_cheaper_one_is_the_best(storage: str, tmp_path: Path) -> None:
    maker = make(storage, tmp_path)
    for accuracy, seconds in ((0.8, 10.0), (0.9, 50.0), (0.9, 40.0), (0.7, 1.0)):
        maker.complete(accuracy, seconds=seconds)
    (study,) = read_studies(storage, "*")
    best = study.best()
    assert best is not None
    assert best.number == 2
    kept = best_trial(maker.study)
    assert kept is not None and kept.number == 2, "whose model is kept"


def test_a_trial_that_took_over_a_value_is_no_cheaper_one(storage: str, tmp_path: Path) -> None:
    maker = make(storage, tmp_path)
    maker.complete(0.9, seconds=50.0)
    maker.complete(0.9, seconds=0.1, reused="imdb-cosine-pretrain1/0")
    (study,) = read_studies(storage, "*")
    best, kept = study.best(), best_trial(maker.study)
    assert best is not None and kept is not None
    assert best.number == kept.number == 0


def test_unrecorded_seconds_are_optunas_and_those_of_a_lost_trial_unknown(storage: str, tmp_path: Path) -> None:
    maker = make(storage, tmp_path)
    maker.fail()
    lost = maker.study.ask()
    maker.study.tell(lost, state=TrialState.FAIL)
    running = maker.begin(replaces=lost.number)
    began = datetime(2026, 1, 1)
    row = {"datetime_start": began, "datetime_complete": began + timedelta(minutes=2)}
    engine = create_engine(storage)
    with engine.begin() as connection:
        ended = TrialModel.number != running.number
        connection.execute(update(TrialModel).where(ended).values(**row))
    engine.dispose()
    (study,) = read_studies(storage, "*")
    assert [trial.seconds for trial in study.trials] == [120, None]
    assert [trial.seconds for trial in study.lost] == [None]


def test_a_space_has_the_choices_that_were_drawn_when_there_were_others(storage: str, tmp_path: Path) -> None:
    maker = make(storage, tmp_path, space={"textcat.batch_size": IntDistribution(4, 32)})
    maker.complete(0.8, {"textcat.batch_size": 8})
    space = {"textcat.batch_size": distribution_to_json(CategoricalDistribution([16, 32]))}
    maker.study.set_user_attr("space", space)
    (study,) = read_studies(storage, "*")
    assert study.space == {"textcat.batch_size": CategoricalDistribution([16, 32, 8])}


def test_a_pattern_takes_the_reruns_of_what_it_matches(storage: str, tmp_path: Path) -> None:
    for name, rerun_of in (("a", None), ("b", None), ("a-rerun", "a"), ("b-rerun", "b")):
        make(storage, tmp_path, name, rerun_of=rerun_of)
    assert [study.name for study in read_studies(storage, "a")] == ["a", "a-rerun"]
    assert [study.name for study in read_studies(storage, "*")] == ["a", "a-rerun", "b", "b-rerun"]


def test_no_study_that_matches_is_an_error_that_names_those_there_are(storage: str, tmp_path: Path) -> None:
    make(storage, tmp_path)
    with pytest.raises(UserError, match=r"matches 'docstrings\*'; there are: imdb-cosine-pretrain1"):
        read_studies(storage, "docstrings*")


def test_a_name_is_taken_as_it_stands_too(storage: str, tmp_path: Path) -> None:
    make(storage, tmp_path, "a [50%] *")
    assert [study.name for study in read_studies(storage, "a [50%] *")] == ["a [50%] *"]


def test_another_programs_study_of_several_objectives_is_passed_over(storage: str, tmp_path: Path) -> None:
    make(storage, tmp_path, "own")
    optuna.create_study(storage=storage, study_name="other", directions=["minimize", "maximize"])
    assert [study.name for study in read_studies(storage, "*")] == ["own"]


def test_a_database_in_the_home_is_found(storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(storage, tmp_path, "own")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert [study.name for study in read_studies("sqlite:///~/optuna.db", "*")] == ["own"]


def test_tables_of_another_optuna_are_one_line(storage: str, tmp_path: Path) -> None:
    make(storage, tmp_path)
    with sqlite3.connect(tmp_path / "optuna.db") as connection:
        connection.execute("update alembic_version set version_num = 'v3.0.0.d'")
    connection.close()
    with pytest.raises(UserError, match="another version of Optuna made its tables: upgrade them"):
        open_storage.__wrapped__(storage)


def test_a_missing_database_is_an_error_and_is_not_made(storage: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_studies(storage, "*")
    assert not list(tmp_path.iterdir())


def test_another_file_is_an_error(storage: str, tmp_path: Path) -> None:
    (tmp_path / "optuna.db").write_text("no database at all, but long enough to be looked at" * 50)
    with pytest.raises(UserError, match="file is not a database"):
        read_studies(storage, "*")


@pytest.mark.parametrize("url", ["here", "postgresql+nodriver://me:secret@host/db", "postgresql://me:secret@[/db"])
def test_a_bad_url_is_one_line_without_the_password(url: str) -> None:
    with pytest.raises(UserError) as error:
        read_studies(url, "*")
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_who_reads_a_database_that_is_being_made_leaves_that_to_its_maker(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/optuna.db"
    storage = RDBStorage(url)
    with storage.engine.begin() as connection:
        connection.execute(text("delete from alembic_version"))  # what comes last
    with pytest.raises(UserError, match=r"has no studies, or none yet: name Optuna's database"):
        read_studies(url, "*")
    with storage.engine.connect() as connection:
        assert connection.execute(text("select count(*) from alembic_version")).scalar_one() == 0
    storage.engine.dispose()
