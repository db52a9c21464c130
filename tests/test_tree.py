"""The tree keeps what it promises to whoever looks for something: one name for one thing, and no circles."""

from __future__ import annotations

import ast
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

PACKAGE = Path(__file__).parents[1] / "importer"
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"]
#: Where a name may stand again: what an API is to us and in the sandbox.
MIRRORED = [
    {"targets", "calendars", "sandbox/api"},
    {"kinds", "sandbox/api"},
]
#: Nouns of the field that end as a gerund does.
NOUNS = {"encoding", "listing", "mapping", "matching", "wording"}


def room_of(path: Path) -> str:
    return path.parent.relative_to(PACKAGE).as_posix()


def test_no_two_modules_have_the_same_name() -> None:
    rooms: dict[str, set[str]] = defaultdict(set)
    for path in MODULES:
        rooms[path.stem].add(room_of(path))
    several = {name: those for name, those in rooms.items() if len(those) > 1}
    assert {name: those for name, those in several.items() if not any(those <= mirrored for mirrored in MIRRORED)} == {}


def test_no_two_public_classes_get_the_same_name() -> None:
    rooms: dict[str, list[str]] = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                rooms[node.name].append(str(path.relative_to(PACKAGE)))
    assert {name: those for name, those in rooms.items() if len(those) > 1} == {}


def test_a_module_is_named_by_a_noun() -> None:
    assert {path.stem for path in MODULES if path.stem.endswith("ing")} <= NOUNS


def test_no_module_imports_itself_through_others_annotations_included() -> None:
    graph = grimp.build_graph("importer", exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()  # it names the circle


def test_every_module_is_used() -> None:
    """A module that is merged into another is gone; kinds are found in their folder, the worker is a process."""
    graph = grimp.build_graph("importer", exclude_type_checking_imports=False, cache_dir=None)
    unused = {
        module
        for module in graph.modules
        if not graph.find_modules_that_directly_import(module) and not graph.find_children(module)
    }
    found_in_folder = {module for module in unused if module.startswith(("importer.kinds.", "importer.sandbox.api."))}
    assert unused - found_in_folder == {"importer.__main__", "importer.reader.worker"}


def test_no_module_gives_a_name_two_values() -> None:
    """Where two modules became one, a constant of the second would silently count for the first as well."""
    twice = []
    for path in MODULES:
        names: list[str] = []
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.append(node.name)
            elif isinstance(node, ast.Assign):
                names += [target.id for target in node.targets if isinstance(target, ast.Name)]
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.append(node.target.id)
        twice += [f"{path.name}: {name}" for name in set(names) if names.count(name) > 1]
    assert twice == []
