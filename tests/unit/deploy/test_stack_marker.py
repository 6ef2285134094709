"""The rule of tests/conftest.py, seen from a pytest run of its own."""

import subprocess
import sys
from pathlib import Path

from deploy.local.fetch import project_root


def test_unmarked_test_that_uses_the_stack_fails_and_says_why(tmp_path: Path) -> None:
    test = tmp_path / "test_unmarked.py"
    test.write_text("def test_uses_stack(stack):\n    pass\n")
    options = ["-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "-c", str(project_root() / "pyproject.toml")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(test)],
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "this test uses the local stack: mark it with @pytest.mark.stack" in done.stdout
