"""What the project promises about itself: documents match the code, third-party files are whole, sources are clean."""

import ast
import base64
import hashlib
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from webui import env

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(path for folder in ("containers_app", "webui") for path in (ROOT / folder).rglob("*.py"))
WRITTEN = [path for path in SOURCES if "migrations" not in path.parts]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

# The digests that Bootstrap publishes for 5.3.8 (getbootstrap.com, "CDN via jsDelivr").
BOOTSTRAP = {"css/bootstrap.min.css": "sRIl4kxILFvY47J16cr9ZwB07vP4J8+LH7qKQnuqkuIAvNWLzeN8tE5YBujZqJLB"}


def test_the_readme_shows_every_setting_with_its_default_and_meaning():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (?:`(.*?)`)? ?\| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {name: (default, meaning) for name, default, meaning in rows} == env.VARIABLES


def test_every_setting_that_is_read_is_in_the_table():
    read = re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "webui" / "settings.py").read_text())
    assert set(read) | {"DATABASE_URL"} == set(env.VARIABLES)


@pytest.mark.parametrize(("name", "published"), BOOTSTRAP.items())
def test_bootstraps_files_are_the_published_ones(name, published):
    digest = hashlib.sha384(Path(finders.find(name)).read_bytes()).digest()
    assert base64.b64encode(digest).decode() == published


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_owns_and_no_function_is_over_60_lines(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or not tree.body
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [node.name for node in functions if node.end_lineno - node.lineno >= 60] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_template_has_inline_script_or_style(path):
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=|<script(?![^>]*\bsrc=)|javascript:", text)


def test_the_lock_files_name_no_host():
    for lock in ("deploy/requirements.txt", "tests/requirements.txt"):
        assert "://" not in (ROOT / lock).read_text()
