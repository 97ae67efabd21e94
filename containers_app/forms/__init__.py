"""What people type: checks of shape only, a module for each noun. Whether it is possible, and allowed, the services
and `access` say.

Fields keep Podman's flag names in snake_case.
"""
