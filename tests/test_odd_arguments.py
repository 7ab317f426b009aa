"""Every argument of every public function refuses every odd value by name, with a cure, before it computes."""

import enum
import importlib
import inspect
import re
import traceback
from pathlib import Path
from typing import Any

import pytest

import global_optimality as go
from odd_arguments import ANSWERED, ODD
from odd_arguments import CALLS as PACKAGE_CALLS
from odd_subpackages import FUNCTIONS, INSIDE, MODULES, ONLY_ITS_SHAPE, SORTS
from test_odd_inputs import RESULTS

CALLS, KINDS = PACKAGE_CALLS | FUNCTIONS, ODD | SORTS
PACKAGE = Path(go.__file__).parent

CURE = re.compile(
    r"pass |takes? |must |expected |convert|move |clean |remove |no number|number the|build |multiply|make them equal"
    r"|change |give |name |use |are needed|have diverged|Train with|not (str|int|float|list|object|NoneType)\b"
)
"""What a message says when it names a cure, or what is expected; the last words are those of ``pathlib``."""

LEFT = ANSWERED | ONLY_ITS_SHAPE

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
    for what, value in KINDS[sort](right).items():
        if (found := said(name, argument, value)) is not None and (name, argument, what) not in LEFT:
            wrong[what] = found
    assert not wrong


@pytest.mark.parametrize("name", sorted(go.__all__))
def test_every_argument_of_every_public_name_is_in_the_table(name: str):
    found = getattr(go, name)
    if name in RESULTS or (isinstance(found, type) and issubclass(found, enum.Enum)):
        return
    named = {p for p, what in inspect.signature(found).parameters.items() if what.kind is not what.VAR_KEYWORD}
    assert set(CALLS[name][1]) >= named - {"S"} if name == "DeepLinear" else set(CALLS[name][1]) >= named


def public_functions(module: str) -> dict[str, Any]:
    """By the name in the table: what a module of the package offers, in ``__all__`` or defined without underscore."""
    found = importlib.import_module(f"global_optimality.{module}")
    names = getattr(found, "__all__", None) or [
        name for name, f in vars(found).items() if name[0] != "_" and getattr(f, "__module__", "") == found.__name__
    ]
    functions = {name: getattr(found, name) for name in names if inspect.isfunction(getattr(found, name))}
    return {f"{module}.{name}": f for name, f in functions.items() if name not in go.__all__}


@pytest.mark.parametrize("module", MODULES)
def test_every_argument_of_every_function_of_a_subpackage_is_in_the_table(module: str):
    for name, function in public_functions(module).items():
        if name not in INSIDE:
            assert set(CALLS[name][1]) == set(inspect.signature(function).parameters), name


def test_the_table_names_functions_that_there_are():
    known = {name for module in MODULES for name in public_functions(module)}
    assert known >= INSIDE
    assert {name for name in FUNCTIONS if name.split(".")[0] in MODULES} <= known


def test_every_sort_of_argument_has_rows_of_every_kind():
    """A sort that lost its odd values would pass everything."""
    fewest = {"kinds": 4, "given": 4, "pairs": 5, "function": 6, "object": 7, "path": 5, "numbers": 4}
    for name, (_, arguments) in CALLS.items():
        for argument, (right, sort) in arguments.items():
            assert len(KINDS[sort](right)) >= fewest.get(sort, 8), (name, argument)
