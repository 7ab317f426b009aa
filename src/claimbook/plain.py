"""Plain Markdown out of MyST: what a notebook shows where no Sphinx resolves its roles, directives and numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .problems import headline

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|:{3,})\{(?P<name>[\w:-]+)\} *(?P<argument>.*)$")
_OPTION = re.compile(r"^ *:[\w-]+:")
_LABEL = re.compile(r"^ *:label: *(\S+)", re.MULTILINE)
_ROLE = re.compile(r"\{([a-z:]+)\}`([^`]+)`")
_EQUATION = re.compile(r"^\$\$ *\(([\w:-]+)\) *$", re.MULTILINE)
_TARGET = re.compile(r"^\([\w:-]+\)= *\n", re.MULTILINE)
_EMPTY_LINK = re.compile(r"\[\]\((#[\w:-]+|[^()\s]+?\.(?:md|ipynb))(#[\w:-]+)?\)")
_TITLED = re.compile(r"(.*?) *<(.+)>\s*", re.DOTALL)


@dataclass(frozen=True)
class Resolved:
    """What the rendering made of references, for one page.

    `texts`: target of a role or link → the text shown. `numbers`: label → its number, such as "3" or "4.2".
    `values`: name → the plain value stored by `number`.
    """

    texts: Mapping[str, str]
    numbers: Mapping[str, str]
    values: Mapping[str, str]


def _value(text: str, spec: str) -> str:
    """A stored value in the format that the prose asks for; a text stays as it is."""
    if text[:1] in "'\"" and text[-1:] == text[:1]:
        text = text[1:-1]
    if not spec:
        return text
    try:
        return format(int(text) if spec.endswith("d") else float(text), spec)
    except ValueError:
        return text


def _roles(text: str, known: Resolved) -> str:
    def role(match: re.Match[str]) -> str:
        name, body = match[1], match[2]
        if name == "glue:text":
            key, _, spec = body.partition(":")
            return _value(known.values[key], spec) if key in known.values else match[0]
        titled = _TITLED.fullmatch(body)
        target = titled[2] if titled else body
        if target in known.texts:
            return known.texts[target]
        keys = [known.texts.get(part.strip()) for part in target.split(",")]
        return ", ".join(map(str, keys)) if all(keys) else titled[1] if titled else body

    def link(match: re.Match[str]) -> str:
        shown = known.texts.get(match[1].removeprefix("#").rsplit("/", 1)[-1])
        if match[1].startswith("#"):
            return shown or match[1]
        return (
            f"[{shown or match[1]}]({match[1]}{match[2] or ''})" if match[1].endswith(".ipynb") else shown or match[1]
        )

    return _EMPTY_LINK.sub(link, _ROLE.sub(role, text))


def _directive(name: str, argument: str, body: list[str], known: Resolved) -> list[str]:
    """A directive as paragraphs: its kind, number and title in bold, then its text."""
    options = []
    while body and (_OPTION.match(body[0]) or (options and not body[0].strip())):
        options.append(body.pop(0))
    label = _LABEL.search("\n".join(options))
    number = known.numbers.get(label[1]) if label else None
    kind = name.removeprefix("prf:").removesuffix("-start")
    text = plain_markdown("\n".join(body), known).strip().splitlines()
    if name.endswith("-end"):
        return []
    if kind == "problem":
        return [headline("\n".join(text)), ""]
    if kind == "hint":
        return ["*Hint.*", "", *text, ""]
    if kind == "proof":
        return ["*Proof.*", "", *text, ""]
    if kind == "solution":
        return [f"**Solution to {known.texts.get(argument.strip()) or 'the exercise'}.**", "", *text, ""]
    if name.startswith("prf:") or kind == "exercise":
        title = f" ({argument.strip()})" if argument.strip() else ""
        return [f"**{kind.capitalize()}{f' {number}' if number else ''}{title}.**", "", *text, ""]
    if kind in {"bibliography", "tableofcontents"}:
        return []
    return [*([f"**{argument.strip()}**", ""] if argument.strip() else []), *text, ""]


def plain_markdown(text: str, known: Resolved) -> str:
    """MyST Markdown as what any Markdown reader shows; code fences stay as they are."""
    lines, out, index = text.split("\n"), [], 0
    pending: list[str] = []

    def flush() -> None:
        if pending:
            prose = _TARGET.sub("", "\n".join(pending))
            prose = _EQUATION.sub(lambda m: f"\\tag{{{known.numbers.get(m[1], m[1])}}}\n$$", prose)
            out.extend(_roles(prose, known).split("\n"))
            pending.clear()

    while index < len(lines):
        line = lines[index]
        opened = _FENCE.match(line)
        plain = re.match(r"^ *(`{3,}|~{3,})", line)
        if not opened and not plain:
            pending.append(line)
            index += 1
            continue
        flush()
        fence = opened["fence"] if opened else plain[1]  # type: ignore[index]
        close = re.compile(rf"^ *{re.escape(fence[0])}{{{len(fence)},}} *$")
        end = next((i for i in range(index + 1, len(lines)) if close.match(lines[i])), len(lines))
        if opened:
            out += _directive(opened["name"], opened["argument"], lines[index + 1 : end], known)
        else:
            out += lines[index : end + 1]
        index = end + 1
    flush()
    return "\n".join(out)


def stored_values(notebook: Any) -> dict[str, str]:
    """What `number` stored in an executed notebook, by name."""
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            if name:
                found[name] = next(iter(output["data"].values()))
    return found
