"""Which right each page and each button needs: tests/views/test_rights.py tries every one of them as everybody.

The views ask `access` themselves; a page that is not here, or needs another right than it says here, fails the tests.
The API's routes declare theirs where they are defined (`api/frame.py`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """One of `rights`, on the one object of this kind that the address names; "" where it names none.

    `posts` is what a press needs beside, where that is more than to look. `house`: of the role in the default team.
    """

    rights: tuple
    kind: str = ""
    posts: str = ""
    house: bool = False


PUBLIC = {"sign_in", "sign_in_code", "recover"}  # before anybody is signed in
# Signed in, and no more: what they hold is what the person may see, and what is their own.
OWN = {
    "container_list", "checkpoint_list", "checkpoint_choose", "checkpoint_reviews",
    "operation_list", "operation_tray", "operation_batch",
    "image_list", "host_list", "policy_list", "search", "search_save", "search_delete", "event_stream", "account",
    "session_end", "sessions_end", "sign_out", "second_factor", "second_factor_remove", "recovery_codes", "token_list",
    "token_revoke",
}  # fmt: skip


def _on(kind, right, *names):
    return {f"{kind}_{name}": Needs((right,), kind) for name in names}


NEEDED = {
    **_on("container", "see", "detail", "log", "log_download", "stats", "lineage"),
    **_on(
        "container", "operate", "start", "stop", "restart", "pause", "unpause", "kill", "remove", "init", "mount",
        "unmount", "rename", "commit",
    ),
    **_on("container", "checkpoint", "checkpoint", "checkpoint_image", "preflight"),
    **_on("container", "exec", "exec"),
    **_on("container", "see_environment", "environment"),
    **_on("checkpoint", "see", "detail", "inside", "lineage", "favourite", "compare", "compare_with"),
    **_on("checkpoint", "see", "sha256", "manifest"),
    **_on("checkpoint", "operate", "scrub"),
    **_on("checkpoint", "restore", "drill"),
    **_on("checkpoint", "search_memory", "search"),
    "checkpoint_environment": Needs(("see",), "checkpoint", posts="see_environment"),
    "memory_search": Needs(("search_memory",), "memory"),
    "image_preflight": Needs(("restore",), "image", house=True),
    **_on("checkpoint", "edit_catalog", "edit", "pin", "ready"),
    **_on("checkpoint", "discard", "discard"),
    **_on("checkpoint", "share", "share"),
    **_on("checkpoint", "download_archive", "download", "push"),
    "checkpoint_restore": Needs(("restore", "clone"), "checkpoint"),
    "checkpoint_preflight": Needs(("restore", "clone"), "checkpoint"),
    "checkpoint_review": Needs(("see",), "review", posts="approve_imports"),
    "checkpoint_import": Needs(("import_archive",)),
    "upload_begin": Needs(("import_archive",)),
    "upload_detail": Needs(("import_archive",), "upload"),
    "operation_detail": Needs(("see",), "operation"),
    "operation_cancel": Needs(("operate",), "operation"),
    "container_create": Needs(("create",)),
    "sample_run": Needs(("create",)),
    "container_bulk": Needs(("operate",)),
    "container_prune": Needs(("operate",)),
    "image_pull": Needs(("create",)),
    "image_prune": Needs(("manage_images",), house=True),
    "image_remove": Needs(("manage_images",), "image", house=True),
    "image_restore": Needs(("restore",), "image", house=True),
    "host_detail": Needs(("see",), "host"),
    "host_selftest": Needs(("operate",), "host", house=True),
    "host_criu": Needs(("manage_hosts",), "host", house=True),
    "policy_schedule": Needs(("manage_policies",), house=True),
    "policy_imports": Needs(("manage_policies",), house=True),
    "api_docs": Needs(("see",)),
    "token_create": Needs(("see",)),
    "token_account": Needs(("manage_people",), house=True),
    "audit_list": Needs(("read_audit",)),
    "audit_evidence": Needs(("read_audit",)),
    "audit_export": Needs(("export_audit",)),
    "audit_verify": Needs(("verify_audit",), house=True),
    **{
        name: Needs(("manage_people",), house=True)
        for name in (
            "team_list", "person_add", "person_edit", "person_recover", "person_second_factor", "person_sign_out",
            "team_add", "team_edit", "team_remove", "role_edit", "role_copy", "role_remove",
        )
    },
}  # fmt: skip
