"""A tiny book with all that a site shows: a theorem, a term, a claim, a figure, an exercise."""

import subprocess
import sys
from pathlib import Path

from throwaway import MEASURED, chapter_text

from claimbook import render
from claimbook.cli import main
from claimbook.project import Project
from claimbook.site import surroundings

PROSE = """
```{prf:theorem} Doubling
:label: thm-double
Twice $x$ is $x + x$ {cite}`haeffele2017global`.
```

By {prf:ref}`thm-double` and [the table](measured.md#doubling), by `double`, twice the seed is {glue:text}`twice:.1f`.

$$
x + x = 2x
$$ (eq-double)

See {eq}`eq-double` and {numref}`fig-line`; {term}`doubled <twice>`.

```{exercise}
:label: ex-double
Double it.
```

```{solution} ex-double
:class: dropdown
Doubled.
```
"""
LOOK_UP = """# Look up

```{glossary}
twice
  A number added to itself ({prf:ref}`thm-double`), and no more.
```

```{statement-list}
```
"""
HEADER = """---
mystnb:
  figure:
    caption: A line for $x > 0$.
    name: fig-line
  image:
    alt: A line that rises from left to right
---
"""
CELLS = (
    'seed = 1  # any integer\ntier = "quick"  # or "full"',
    "import toy\nfrom matplotlib.figure import Figure\nfrom claimbook import claim, number, show",
    'number("twice", toy.double(seed))\n'
    'claim("equation-8/double", "twice the seed, $2x$", measured=toy.double(seed), at_least=2, function=toy.double)',
    HEADER + 'figure = Figure(figsize=(3, 2))\nfigure.subplots().plot([0, 1], [0, 1])\nshow(figure, "fig-line")',
)
ONE = chapter_text(CELLS, prose=PROSE)


def command(project: Project, *words: str) -> int:
    """The exit status of a command of the command line."""
    return main(["--root", str(project.root), *words])


def pages() -> dict[str, str]:
    """The book's pages by name, in reading order."""
    bibliography = "# Bibliography\n\n```{bibliography}\n```\n"
    return {"one": ONE, "measured": MEASURED, "look_up": LOOK_UP, "bibliography": bibliography}


def rendered(project: Project, folder: Path, *, first: str) -> tuple[dict[str, bytes], str]:
    """The files of the site, rendered from what is staged after the code ``first``, and what the rendering said."""
    folder.mkdir()
    code = f"{first}; import runpy; runpy.run_path({render.__file__!r}, {{}}, '__main__')"
    words = [sys.executable, "-P", "-c", code, "build", str(project.staged), "--path-output", str(folder), "-W", "-n"]
    own, pipe = surroundings(project), subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, cwd=folder, env=own) as process:
        assert process.stdout is not None
        said = process.stdout.read().decode()
    assert process.returncode == 0, said
    html = folder / "_build" / "html"
    return {file.relative_to(html).as_posix(): file.read_bytes() for file in html.rglob("*") if file.is_file()}, said
