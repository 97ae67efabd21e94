"""Security modules of the kernel: does this one know the profiles that a checkpoint's processes ran under?

Asks AppArmor and SELinux through their file systems; changes nothing.
"""

import errno
import os
from pathlib import Path

APPARMOR_PROFILES = Path("/sys/kernel/security/apparmor/profiles")  # `name (mode)` a line; for root only
SELINUX_CONTEXT = Path("/sys/fs/selinux/context")  # takes a label, refuses with EINVAL what its policy does not know


def unknown(module, profiles):
    """Those of `profiles` that `module` (`apparmor`, `selinux` or "") has not loaded here; [] where nobody can tell."""
    try:
        if module == "apparmor" and profiles:
            loaded = {line.rpartition(" (")[0] for line in APPARMOR_PROFILES.read_text().splitlines()}
            return [profile for profile in profiles if profile not in loaded]
        if module == "selinux":
            return [label for label in profiles if _refused(label)]
    except OSError:
        return []
    return []


def _refused(label):
    """True when the policy does not know this label (security_check_context(3) asks in the same way)."""
    file = os.open(SELINUX_CONTEXT, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.write(file, label.encode() + b"\0")
    except OSError as error:
        if error.errno == errno.EINVAL:
            return True
        raise
    finally:
        os.close(file)
    return False
