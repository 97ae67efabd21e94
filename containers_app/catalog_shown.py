"""How the catalog is shown: the heads of its columns, the filters that are set, and what a discard loses.

Pure functions of what is already loaded: no query, no request, no HTML.
"""

from . import shown

# The columns of the catalog's table: label, whether it is a number, the orders (catalog.SORTS) that belong to it.
CATALOG_COLUMNS = (
    ("Checkpoint", False, "name"),
    ("Container", False),
    ("Taken", False, "newest", "oldest"),
    ("Frozen", True, "frozen"),
    ("Memory", True),
    ("Stored", True, "largest", "smallest"),
)


def catalog_columns(chosen, sorts):
    """[{label, end, sort, words, order}] of the catalog's table: the order that a press on a column's head asks for.

    `sorts` is {key: (words, column, whether the largest comes first)}; `order` is set on the column that is `chosen`.
    """
    columns = []
    for label, end, *keys in CATALOG_COLUMNS:
        wanted = next((key for key in keys if key != chosen), keys[0] if keys else "")
        order = ("descending" if sorts[chosen][2] else "ascending") if chosen in keys else ""
        words = sorts[wanted][0].capitalize() if wanted else ""
        columns.append({"label": label, "end": end, "sort": wanted, "words": words, "order": order})
    return columns


def filter_chips(form, filters, hosts):
    """[{label, value, without}] of the filters that are set, in words; `without` is the search without that one.

    `hosts` is asked only where one is meant by its key.
    """
    chips = []
    for name, value in filters.items():
        field = form.fields[name]
        words = dict(getattr(field, "choices", ())).get(value, value)
        if name == "host":
            words = next((host.name for host in hosts() if host.pk == value), value)
        if name in {"container", "q"}:
            words = {"container": "one only", "q": value}[name]
        label = {"q": "Words", "container": "Container"}.get(name) or field.label or name.capitalize()
        chips.append({"label": label, "value": words, "without": form.address(without=name)})
    return chips


def lost_with(checkpoint):
    """What nobody has any more once the archive is gone, in words, from what is known of its members."""
    sizes = {member["name"]: member["size"] for member in checkpoint.members}
    volumes = {name.removeprefix("volumes/"): size for name, size in sizes.items() if name.startswith("volumes/")}
    return {
        "memory": shown.memory_bytes(checkpoint),
        "files": sizes.get("rootfs-diff.tar", 0),
        "volumes": sorted(name.removesuffix(".tar") for name in volumes),
        "volume_bytes": sum(volumes.values()),
    }
