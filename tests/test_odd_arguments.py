"""Every argument of every public function refuses every odd value by name, with a cure, before it computes."""

import enum
import inspect
import re
import traceback
from pathlib import Path

import pytest

import global_optimality as go
from odd_arguments import ANSWERED, CALLS, ODD
from test_odd_inputs import RESULTS

PACKAGE = Path(go.__file__).parent

CURE = re.compile(
    r"pass |takes? |must |expected |convert|move |clean |remove |no number|number the|build |multiply|make them equal"
    r"|change |give |name |use |are needed|have diverged|Train with|not (str|int|float|list|object|NoneType)\b"
)
"""What a message says when it names a cure, or what is expected; the last words are those of ``pathlib``."""

ROWS = [(name, argument) for name, (_, arguments) in CALLS.items() for argument in arguments]


def said(name: str, argument: str, value: object) -> str | None:
    """What is wrong with the answer to a value in the place of one argument; None if it is refused with a cure."""
    call, arguments = CALLS[name]
    given = {key: right for key, (right, _) in arguments.items()} | {argument: value}
    if name == "meta_algorithm" and argument != "W":
        given["W"] = None  # a start or a size, not both
    try:
        call(*given.values()) if name == "generator" else call(**given)
    except (TypeError, ValueError, LookupError) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        ours = PACKAGE in Path(last.filename).parents and (last.line or "").lstrip().startswith("raise")
        if (ours or last.filename.endswith("pathlib.py")) and CURE.search(str(error)):
            return None
        return f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "answered"


@pytest.mark.parametrize(("name", "argument"), ROWS, ids=[f"{name}({argument})" for name, argument in ROWS])
@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's own, of sparse and complex tensors
def test_an_odd_argument_is_refused_with_a_cure(name: str, argument: str):
    right, sort = CALLS[name][1][argument]
    wrong = {}
    for what, value in ODD[sort](right).items():
        if (found := said(name, argument, value)) is not None and (name, argument, what) not in ANSWERED:
            wrong[what] = found
    assert not wrong


@pytest.mark.parametrize("name", sorted(go.__all__))
def test_every_argument_of_every_public_name_is_in_the_table(name: str):
    found = getattr(go, name)
    if name in RESULTS or (isinstance(found, type) and issubclass(found, enum.Enum)):
        return
    named = {p for p, what in inspect.signature(found).parameters.items() if what.kind is not what.VAR_KEYWORD}
    assert set(CALLS[name][1]) >= named - {"S"} if name == "DeepLinear" else set(CALLS[name][1]) >= named
