"""The key that signs the audit history's heads and seals, and files that are on the disk once written."""

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from containers_app.errors import Unavailable


class SigningKey:
    """An Ed25519 key from `path`, made at the first use; raises Unavailable when others could read it, or it is none.

    Two processes that start at once agree on one key: the file is linked into place whole, and the first one stays.
    """

    def __init__(self, path: Path):
        try:
            if not path.exists():
                _make(path)
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise Unavailable(f"The audit key {path.name} can be read by others.", remedy="Give it the mode 0600.")
            self._key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text()))
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"The audit key {path.name} cannot be used: {type(error).__name__}.",
                remedy="FREEZEFRAME_AUDIT_KEY_FILE names it; the agent must be able to read it.",
            ) from error
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature over `message` (RFC 8032)."""
        return self._key.sign(message)


def _make(path):
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(Ed25519PrivateKey.generate().private_bytes_raw().hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def write_durably(path: Path, lines) -> int:
    """Write `lines` into the new file `path` and have them on the disk when this returns; how many there were."""
    count = 0
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii", newline="\n") as file:
        for line in lines:
            file.write(line)
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count
