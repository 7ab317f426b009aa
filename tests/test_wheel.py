"""The library's wheel beside torch, numpy and scipy alone, outside any checkout."""

import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from clean_install import CERTIFIES, build

pytestmark = pytest.mark.slow


def needed(*names: str) -> set[str]:
    """The distributions that these need, themselves included, as they are installed here."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop().split(";")[0].split("[")[0].split(" ")[0]
        name = name.rstrip("()<>=!~.0123456789,").lower()
        if name in found:
            continue
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        found.add(name)
        waiting += [r for r in requires if "extra ==" not in r]
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's files and links to what torch, numpy and scipy consist of."""
    folder = tmp_path_factory.mktemp("wheel")
    place = folder / "site"
    place.mkdir()
    with zipfile.ZipFile(build(folder)) as wheel:
        wheel.extractall(place)
    for name in needed("torch", "numpy", "scipy"):
        for file in metadata.files(name) or ():
            top = file.parts[0]
            source = Path(str(metadata.distribution(name).locate_file(top)))
            if top not in ("..", "__pycache__") and not (place / top).exists() and source.exists():
                (place / top).symlink_to(source)
    return place


def test_the_wheel_holds_the_library_its_types_and_its_table(alone: Path) -> None:
    assert (alone / "global_optimality" / "py.typed").is_file()
    assert (alone / "global_optimality" / "torch_networks" / "data" / "certifying_cost.csv").is_file()
    assert not (alone / "claimbook").exists()
    assert not (alone / "book").exists()


def test_it_certifies_saves_and_verifies_with_torch_numpy_and_scipy_alone(alone: Path, tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(alone)!r})\n{CERTIFIES}"
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", code, str(tmp_path / "certificate.json")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(alone) in done.stdout
