"""Secrets that are made once and kept in a file that only its owner can read. Wiring only."""

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key


def secret_key(data_dir: Path) -> str:
    """Django's secret key from `<data_dir>/secret_key`, made at the first call.

    Two processes that start at once agree on one key: the file is linked into place whole, and the first one stays.
    """
    handed = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent"), "secret_key")  # systemd's LoadCredential=
    path = handed if handed.exists() else data_dir / "secret_key"
    if not path.exists():
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"secret_key.{os.getpid()}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(get_random_secret_key() + "\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
