"""Questions that a page and a notebook judge by themselves: a number within a tolerance, or a choice with reasons.

A question is the last expression of a cell tagged `ask`. On the page a script reads it (no server, also from file://);
an exported notebook carries `judge`. What is right is encoded, not guarded: it hides the answer from a search.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .claims import METADATA
from .templates import render

LETTERS = "abcdefgh"


@dataclass(frozen=True)
class Question:
    """A question as shown: its text, its choices (none for a number) and the encoded key to judge an answer by."""

    text: str
    choices: tuple[str, ...]
    key: str

    def record(self) -> dict[str, Any]:
        return {"text": self.text, "choices": list(self.choices), "key": self.key}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        data = {"text/html": render("question.html", question=self), "text/plain": self.text}
        return data, {METADATA: {"question": self.record()}}


def _encoded(key: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(key).encode()).decode()


def number_question(
    question: str, answer: Any, *, within: float, wrong: Mapping[Any, str] | None = None, otherwise: str
) -> Question:
    """Ask for a number: `answer` is what the solution computed, right is what lies `within` of it (absolute).

    `wrong` maps values of likely mistakes to what to say to them, `otherwise` is the hint to any other wrong number.
    ValueError for a tolerance that is not positive, and a mistake that would count as right.
    """
    value = float(answer)
    if not (within > 0 and math.isfinite(value)):
        raise ValueError(f"{question!r}: the answer must be finite and the tolerance positive")
    mistakes = [[float(mistake), said] for mistake, said in (wrong or {}).items()]
    for mistake, _ in mistakes:
        if abs(mistake - value) <= 2 * within:
            raise ValueError(f"{question!r}: the mistake {mistake} cannot be told from the answer")
    key = {"kind": "number", "answer": value, "within": float(within), "wrong": mistakes, "otherwise": otherwise}
    return Question(question, (), _encoded(key))


def choice_question(question: str, *, right: tuple[str, str], wrong: Sequence[tuple[str, str]]) -> Question:
    """Ask for one of several choices; each is (text, reason). They are shown in an order that tells nothing."""
    if not 2 <= len(wrong) + 1 <= len(LETTERS):
        raise ValueError(f"{question!r}: give one to {len(LETTERS) - 1} wrong choices")
    mixed = sorted([right, *wrong], key=lambda c: hashlib.sha256(f"{question}{c[0]}".encode()).digest())
    key = {"kind": "choice", "answer": mixed.index(right), "reasons": [reason for _, reason in mixed]}
    return Question(question, tuple(text for text, _ in mixed), _encoded(key))


def verdict(key: str, answer: Any) -> tuple[bool, str]:
    """Whether an answer (a number, or a letter) is right, and what to say to it."""
    known = json.loads(base64.b64decode(key))
    if known["kind"] == "choice":
        index = LETTERS.find(str(answer).strip().lower()[:1] or "?")
        if not 0 <= index < len(known["reasons"]):
            return False, f"Answer with a letter, {LETTERS[0]} to {LETTERS[len(known['reasons']) - 1]}."
        return index == known["answer"], known["reasons"][index]
    try:
        value = float(answer)
    except (TypeError, ValueError):
        return False, "Answer with a number."
    if abs(value - known["answer"]) <= known["within"]:
        return True, ""
    for mistake, said in known["wrong"]:
        if abs(value - mistake) <= known["within"]:
            return False, said
    return False, known["otherwise"]


@dataclass(frozen=True, repr=False)
class Judged:
    """What a notebook shows below an answer."""

    right: bool
    words: str

    def __repr__(self) -> str:
        return f"{'Right.' if self.right else 'Not yet.'} {self.words}".strip()


def judge(key: str, answer: Any) -> Judged:
    """Whether an answer is right, and what to say to it; None is no answer yet."""
    return Judged(False, "No answer.") if answer is None else Judged(*verdict(key, answer))
