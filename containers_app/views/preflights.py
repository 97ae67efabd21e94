"""Will it work? What a host's agent finds before a checkpoint or a restore: a part of their forms, and a page.

The one place where a page waits for an agent: some seconds at the most, and the form works without the answer.
"""

import dataclasses

from django.views.decorators.http import require_GET

from containers_app import access
from containers_app.errors import BadInput, Unavailable
from containers_app.forms.checkpoints import RestoreForm
from containers_app.htmx import asked, render_page
from containers_app.models import Host
from containers_app.runtime.types import CheckpointOptions, RestoreOptions
from containers_app.services import checkpoint_images, checkpoints, copies, preflights, restores
from containers_app.views.checkpoints import target_host


@require_GET
def container_preflight(request, pk):
    container = access.get_container_for(request.user, pk, "checkpoint")
    context = {"container": container, **_findings(request, preflights.ask_checkpoint, container, CheckpointOptions)}
    context["curable"] = checkpoints.offered(container.host)
    return render_page(request, "container_preflight", context, fragments=["preflight"])


@require_GET
def checkpoint_preflight(request, pk):
    checkpoint = access.get_checkpoint_for(request.user, pk)
    restores.require_right(request.user, checkpoint, as_new=access.may(request.user, "clone", checkpoint))
    host = target_host(request, checkpoint, access.seen_by(request.user, Host.objects.all()))
    context = {"checkpoint": checkpoint, **_findings(request, _asker(request, host), checkpoint, RestoreOptions)}
    context["curable"] = ["name", "publish", *restores.offered(host)]
    return render_page(request, "checkpoint_preflight", context, fragments=["preflight"])


@require_GET
def image_preflight(request, pk):
    image = access.get_image_for(request.user, pk, "restore")
    own = asked(request, "name") == checkpoint_images.own_name(image)  # without --name it keeps the ID that it had

    def ask(image, options):
        options = dataclasses.replace(options, name="" if own else asked(request, "name"), publish=_ports(request))
        return preflights.ask_restore_image(image, options)

    context = {"image": image, **_findings(request, ask, image, RestoreOptions)}
    context["curable"] = ["name", "publish", *restores.offered(image.host)]
    return render_page(request, "image_preflight", context, fragments=["preflight"])


def _ports(request):
    return request.GET.get("publish", "")[:2000].split()


def _asker(request, host):
    """What asks about one restore on `host`, or about the copies that are wanted, each with its own name and ports."""
    number = asked(request, "copies")
    several = number.isdecimal() and 1 < int(number) <= RestoreForm.MOST_COPIES and asked(request, "as_new") == "on"

    def ask(checkpoint, options):
        try:
            wanted = copies.each(options, int(number)) if several else [options]
        except BadInput as error:
            return [preflights.of_input(error).as_json()]
        return preflights.ask_restore(checkpoint, *wanted, host=host)

    return ask


def _findings(request, ask, about, kind):
    """{passed, warned, blocked, forceable, forced}, or {away}: why nobody could look."""
    try:
        findings = ask(about, _options(request, kind))
    except Unavailable as error:
        return {"away": error}
    by_level = {level: [found for found in findings if found["level"] == level] for level in ("pass", "warn", "block")}
    return {
        "passed": by_level["pass"],
        "warned": by_level["warn"],
        "blocked": by_level["block"],
        "forceable": by_level["block"] and all(found["forceable"] for found in by_level["block"]),
        "forced": asked(request, "forced") == "on",
    }


def _options(request, kind):
    """The options as they stand in the form: what is ticked, and of a new container its name and ports."""
    values = {}
    for field in dataclasses.fields(kind):
        if field.type is bool:
            values[field.name] = asked(request, field.name) == "on"
    if kind is RestoreOptions:
        new = asked(request, "as_new") == "on"
        values["name"] = asked(request, "name") if new else ""
        values["publish"] = _ports(request) if new else []
        values["pod"] = asked(request, "pod")
    return kind(**values)
