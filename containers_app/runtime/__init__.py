"""The outside world: Podman, OCI runtimes, CRIU, checkpoint archives, the archive store.

Only this package starts a process or opens a checkpoint archive. It knows no Django, no users, no HTTP.
"""
