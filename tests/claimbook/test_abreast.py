"""What one process knows of the pages that others have read."""

from types import SimpleNamespace

import pytest

from claimbook import abreast


def _known(**labels: str) -> SimpleNamespace:
    entries = {label: {"docname": page} for label, page in labels.items()}
    return SimpleNamespace(proof_list=entries, claimbook_terms={}, claimbook_statements={})


@pytest.mark.parametrize(
    ("found", "pages", "told"),
    [
        ({"thm-a": "one", "thm-b": "two"}, {"two"}, []),  # the other was forked with what was known of page one
        ({"thm-a": "two"}, {"two"}, [("thm-a", "two", "one")]),
        ({"thm-a": "one"}, {"one"}, []),
    ],
)
def test_a_label_on_pages_of_two_processes_is_named(
    found: dict[str, str], pages: set[str], told: list[tuple], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple] = []
    monkeypatch.setattr(abreast, "LOGGER", SimpleNamespace(warning=lambda text, *of: said.append(of)))
    env, other = _known(**{"thm-a": "one"}), _known(**found)
    other.claimbook_terms["term-a"] = "A word."
    abreast.merge(None, env, pages, other)
    assert said == told
    assert env.claimbook_terms == {"term-a": "A word."}
