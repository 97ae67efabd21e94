"""Pages: one module per noun, function views. Each reads: guard, access, form, service, response.

No view runs Podman or changes a row by itself: what changes something is a service's doing.
"""
