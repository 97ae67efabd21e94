"""What people type: checks of shape only. Whether it is possible, and allowed, the services and `access` say.

Fields keep Podman's flag names in snake_case.
"""

import re
import shlex
import uuid
from datetime import UTC, datetime, timedelta

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils import timezone

from containers_app.services.lifecycle import SIGNALS
from containers_app.services.policies import MOST_HOURS, SCOPES

from .access import RIGHTS
from .models.catalog import Mode
from .models.tokens import NAME_LENGTH
from .runtime import creation, probes

LENGTHS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
TAG = re.compile(r"[-a-zA-Z0-9_]{1,50}")


class _Form(forms.Form):
    """Bootstrap's classes on the widgets, and the key that makes two presses one request."""

    request_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        initial = {"request_key": uuid.uuid4(), **(kwargs.pop("initial", None) or {})}
        super().__init__(*args, initial=initial, label_suffix="", **kwargs)
        for field in self.fields.values():
            kind = type(field.widget)
            css = {forms.CheckboxInput: "form-check-input", forms.RadioSelect: "form-check-input"}
            field.widget.attrs.setdefault(
                "class", css.get(kind, "form-select" if kind is forms.Select else "form-control")
            )


class ConfirmForm(_Form):
    """Nothing but the key: a press of a button."""


class KillForm(_Form):
    signal = forms.ChoiceField(
        choices=[(name, f"SIG{name}") for name in SIGNALS],
        initial="KILL",
        required=False,
        help_text="SIGKILL ends it at once. Any other its first process may catch, ignore, or act on and go on.",
    )

    def clean_signal(self):
        return self.cleaned_data["signal"] or "KILL"


class RemoveForm(_Form):
    """`force` is asked for where the container runs: it is killed first."""

    force = forms.BooleanField(required=False, label="Kill it first")
    volumes = forms.BooleanField(
        required=False,
        label="Its anonymous volumes too",
        help_text="Volumes without a name that were made with it. Named volumes stay.",
    )

    def __init__(self, *args, runs, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["force"].required = runs
        if not runs:
            del self.fields["force"]
        else:
            self.fields["force"].error_messages["required"] = "It runs: it can be removed only after it was killed."


class RenameForm(_Form):
    name = forms.CharField(
        max_length=128,
        label="New name",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Letters, digits, “_”, “.” and “-”.",
    )


class ExecForm(_Form):
    command = forms.CharField(
        max_length=4000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "form-control mono"}),
        help_text="Words as in a shell, quotes too; pipes and $NAME need a shell of its own: sh -c 'ls | wc -l'.",
    )
    user = forms.CharField(required=False, max_length=129, help_text="Name or number, with a group or without.")
    workdir = forms.CharField(required=False, max_length=1024, label="Directory", help_text="Empty: the container’s.")
    seconds = forms.IntegerField(min_value=1, max_value=3600, initial=60, label="Seconds it may take")

    def clean_command(self):
        return _words(self.cleaned_data["command"])


class SearchForm(_Form):
    pattern = forms.CharField(
        max_length=1000,
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "form-control mono"}),
        help_text="Bytes as they lie in memory; text as UTF-8. It goes into the audit history as it is typed.",
    )
    regular = forms.BooleanField(
        required=False, label="A regular expression", help_text="RE2’s: no backtracking, so any pattern ends."
    )
    ignore_case = forms.BooleanField(required=False, label="Upper and lower case alike")


class CommitForm(_Form):
    image = forms.CharField(
        max_length=255,
        widget=forms.TextInput(attrs={"spellcheck": "false", "class": "form-control mono"}),
        label="Name of the image",
        help_text="As for any image, such as localhost/looper-files:1.",
    )
    pause = forms.BooleanField(
        required=False,
        initial=True,
        label="Pause it meanwhile",
        help_text="Files that belong together are then of one moment.",
    )


def _offer_hosts(field, hosts):
    """All `hosts`, and at first one that is there to do it."""
    field.queryset = hosts
    field.initial = next((host.pk for host in hosts if not host.away), None)


class PullForm(_Form):
    host = forms.ModelChoiceField(queryset=None, empty_label=None)
    image = forms.CharField(
        max_length=255,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "form-control mono"}),
        help_text="With its registry, such as docker.io/library/redis:7, or a short name.",
    )

    def __init__(self, *args, hosts, **kwargs):
        super().__init__(*args, **kwargs)
        _offer_hosts(self.fields["host"], hosts)


class ImagePruneForm(_Form):
    everything = forms.BooleanField(
        required=False,
        label="Named images too",
        help_text="Every image that no container was made from.",
    )


class CriuForm(_Form):
    """CRIU's own switches: a tick for one without a value, a text for the others, empty where it is not set."""

    digest = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args, switches, now, **kwargs):
        initial = {"digest": now["digest"], **{_field(name): value for name, value in now["switches"].items()}}
        super().__init__(*args, initial=initial, **kwargs)
        self._names = list(switches)
        for name, (pattern, words) in switches.items():
            values = {"required": False, "label": name, "help_text": words}
            if pattern:
                widget = forms.TextInput(attrs={"class": "form-control form-control-sm mono", "autocomplete": "off"})
                field = forms.CharField(max_length=201, widget=widget, **values)
            else:
                widget = forms.CheckboxInput(attrs={"class": "form-check-input"})
                field = forms.BooleanField(widget=widget, initial=name in now["switches"], **values)
                self.initial.pop(_field(name), None)
            field.is_tick = not pattern
            self.fields[_field(name)] = field

    def switches(self):
        return [self[_field(name)] for name in self._names]

    def values(self):
        """{switch: value} of those that are set."""
        found = {name: self.cleaned_data.get(_field(name)) for name in self._names}
        return {name: "" if value is True else value.strip() for name, value in found.items() if value}


def _field(switch):
    return switch.replace("-", "_")


class ScheduleForm(_Form):
    """What happens by itself, and how often."""

    enabled = forms.BooleanField(required=False, label="It happens by itself")
    every_hours = forms.IntegerField(min_value=1, max_value=MOST_HOURS, label="Hours between", help_text="168: a week.")


class ScrubScheduleForm(ScheduleForm):
    mib_per_second = forms.IntegerField(
        min_value=1, max_value=10_000, label="MiB that are read in a second", help_text="Fewer are gentler to the disk."
    )


class DrillScheduleForm(ScheduleForm):
    scope = forms.ChoiceField(choices=list(SCOPES.items()), label="Of which checkpoints")
    cold = forms.BooleanField(
        required=False, label="Measure the cold start too", help_text="Starts a fresh container of the same image."
    )


class DrillForm(_Form):
    cold = forms.BooleanField(required=False)


class PushForm(_Form):
    image = forms.CharField(
        max_length=512,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "form-control mono"}),
        label="Name in the registry",
        help_text="With its registry and a tag, such as registry.example/team/redis-warm:1.",
    )


class ReadyForm(_Form):
    """When a restored container counts as ready: one check, and what belongs to it."""

    kind = forms.ChoiceField(
        choices=[(kind, f"{words[0].upper()}{words[1:]}") for kind, words in probes.KINDS.items()], label="Ready when"
    )
    command = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "form-control mono"}),
        help_text="For a command: words as in a shell. Its exit code 0 means ready.",
    )
    port = forms.IntegerField(
        required=False, min_value=1, max_value=65535, help_text="For TCP and HTTP: the port inside the container."
    )
    path = forms.CharField(required=False, max_length=1024, help_text="For HTTP: any status from 200 to 399 will do.")
    seconds = forms.IntegerField(
        min_value=1,
        max_value=probes.MOST_SECONDS,
        label="Seconds that it may take",
        help_text="Cold: ten times.",
    )

    def __init__(self, *args, probe, **kwargs):
        initial = {
            "kind": probe.kind, "command": shlex.join(probe.command), "port": probe.port or None, "path": probe.path,
            "seconds": probe.seconds,
        }  # fmt: skip
        super().__init__(*args, initial=initial, **kwargs)

    def clean_command(self):
        return _words(self.cleaned_data["command"])

    def probe(self):
        """The Probe of what was typed. Raises BadInput, beside its field, for what is none."""
        values = self.cleaned_data
        return probes.of(
            {
                "kind": values["kind"], "command": values["command"], "port": values["port"] or 0,
                "path": values["path"] or "/", "seconds": values["seconds"],
            }
        )  # fmt: skip


class BulkForm(_Form):
    """One action on many. Where all are meant, `count` is typed: how many it hits."""

    count = forms.CharField(required=False, max_length=12, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args, expected=None, **kwargs):
        super().__init__(*args, **kwargs)
        self._expected = expected
        if expected is None:
            del self.fields["count"]
        else:
            self.fields["count"].label = f"Type {expected} to confirm"

    def clean_count(self):
        if self.cleaned_data["count"].strip() != str(self._expected):
            raise forms.ValidationError(f"It hits {self._expected}: type that number.")
        return self._expected


class LogForm(forms.Form):
    """Which lines of a log, as `podman logs` has it, and a text that each must have."""

    since = forms.CharField(required=False, max_length=40, help_text="10m, 2h, 1d, or a time in UTC.")
    tail = forms.IntegerField(required=False, min_value=1, max_value=10_000_000, help_text="So many from the end.")
    q = forms.CharField(required=False, max_length=200, label="Only lines with")
    timestamps = forms.BooleanField(required=False, label="Times")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, label_suffix="", **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "form-check-input" if name == "timestamps" else "form-control form-control-sm"

    def clean_since(self):
        """The moment, or None."""
        text = self.cleaned_data["since"].strip()
        if not text:
            return None
        length = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
        try:
            if length:
                return timezone.now() - int(length[1]) * LENGTHS[length[2]]
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise forms.ValidationError(f"{text!r} is neither a time nor a length such as 10m or 2h.") from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class _OptionsForm(_Form):
    """A form with some of Podman's options as tick boxes: those of `OPTIONS` that the host's Podman has."""

    OPTIONS = {}  # name: (label, what it does, whether it stands among the first)

    def __init__(self, *args, offered, **kwargs):
        super().__init__(*args, **kwargs)
        for name, (label, words, _) in self.OPTIONS.items():
            if name in offered:
                box = forms.CheckboxInput(attrs={"class": "form-check-input"})
                self.fields[name] = forms.BooleanField(required=False, label=label, help_text=words, widget=box)

    def first_options(self):
        return [self[name] for name in self.OPTIONS if name in self.fields and self.OPTIONS[name][2]]

    def more_options(self):
        return [self[name] for name in self.OPTIONS if name in self.fields and not self.OPTIONS[name][2]]

    def ticked_more(self):
        return any(field.value() for field in self.more_options())


class _CheckpointOptionsForm(_OptionsForm):
    """`mode` says what becomes of the container; of the modes only those are offered that the host's Podman has."""

    OPTIONS = {
        "tcp_established": (
            "Established TCP connections",
            "Needed when it has open connections; without it the dump fails.",
            True,
        ),
        "file_locks": ("File locks", "Needed when a process holds a lock on a file; without it the dump fails.", True),
        "ignore_rootfs": (
            "Without changed files",
            "A restore starts from the image’s files: only for what keeps none.",
            False,
        ),
        "ignore_volumes": ("Without named volumes", "Smaller; a restore finds the volumes as they are then.", False),
        "pre_checkpoint": (
            "Memory beforehand",
            "Its memory is taken while it goes on; it then stands still only for what has changed since "
            "(--with-previous).",
            False,
        ),
    }

    mode = forms.ChoiceField(choices=Mode.choices, initial=Mode.STOP, widget=forms.RadioSelect)
    forced = forms.BooleanField(required=False)  # stands in the preflight's list, where there is something to force

    def __init__(self, *args, offered, **kwargs):
        super().__init__(*args, offered=offered, **kwargs)
        if "leave_running" not in offered:
            self.fields["mode"].choices = [choice for choice in Mode.choices if choice[0] != Mode.KEEP_RUNNING]


class CheckpointImageForm(_CheckpointOptionsForm):
    """A checkpoint into an image of the host instead of the catalog."""

    image = forms.CharField(
        max_length=512,
        widget=forms.TextInput(attrs={"spellcheck": "false", "class": "form-control mono"}),
        label="Name of the image",
        help_text="As for any image, such as localhost/looper-warm:1.",
    )


class CheckpointForm(_CheckpointOptionsForm):
    name = forms.CharField(max_length=120, required=False)
    note = forms.CharField(max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    drill = forms.BooleanField(
        required=False,
        label="Verify it afterwards",
        help_text="A drill: it is restored under a name of its own, apart from everything, and removed again.",
    )
    tags = forms.CharField(max_length=500, required=False, help_text="Words of letters, digits, - and _.")

    def clean_tags(self):
        return tags_in(self.cleaned_data["tags"])


class RestoreForm(_OptionsForm):
    """`as_new` says whether the name counts: without it the checkpoint comes back under its container's own name."""

    OPTIONS = {
        "tcp_established": (
            "Established TCP connections",
            "Bring its connections back; only where their peers still wait for them.",
            True,
        ),
        "file_locks": ("File locks", "Take the locks on files again that its processes held.", True),
        "tcp_close": (
            "Close TCP connections",
            "Its processes find their connections closed instead of brought back.",
            False,
        ),
        "ignore_volumes": ("Without named volumes", "Leave the volumes of this host as they are.", False),
        "ignore_rootfs": ("Without changed files", "Start from the image’s files; memory may not fit them.", False),
        "ignore_static_ip": ("Without its IP address", "Take a free address instead of the one it had.", False),
        "ignore_static_mac": ("Without its MAC address", "Take a new one instead of the one it had.", False),
        "keep": (
            "Keep Podman’s files",
            "The dump stays beside the container and can be restored in place again.",
            False,
        ),
    }

    host = forms.ModelChoiceField(queryset=None, empty_label=None, required=False, label="On which host")
    as_new = forms.TypedChoiceField(
        choices=[("", "Under its own name"), ("on", "As a new container")],
        coerce=lambda value: value == "on",
        empty_value=False,
        required=False,
        widget=forms.RadioSelect,
    )
    name = forms.CharField(max_length=128, required=False, label="Name of the new container")
    publish = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 1, "spellcheck": "false", "class": "form-control mono"}),
        label="Published ports",
        help_text="Of a new container, one a line: 18081:8080. Empty: as at the checkpoint.",
    )
    MOST_COPIES = 50
    copies = forms.IntegerField(
        min_value=1,
        max_value=MOST_COPIES,
        initial=1,
        required=False,
        help_text="More than one: {n} in the name counts, and so do the ports: 18080:80, 18081:80 …",
    )
    pod = forms.CharField(
        max_length=128, required=False, help_text="An existing pod to restore into; what was in a pod needs one."
    )
    forced = forms.BooleanField(required=False)  # stands in the preflight's list, where there is something to force

    def __init__(self, *args, offered, hosts=None, **kwargs):
        """`hosts` (rows) are offered where there is more than one to choose from."""
        super().__init__(*args, offered=offered, **kwargs)
        if "pod" not in offered:
            del self.fields["pod"]
        if hosts is None or len(hosts) < 2:
            del self.fields["host"]
        else:
            self.fields["host"].queryset = hosts

    def clean_publish(self):
        return _ports(self.cleaned_data["publish"])

    def clean(self):
        values = super().clean()
        if values.get("as_new") and not values.get("name") and "name" not in self.errors:
            self.add_error("name", "A new container needs a name.")
        if not values.get("as_new") and (values.get("copies") or 1) > 1:
            self.add_error("copies", "Under its own name there is one. Copies are new containers.")
        return values


class _Lines(forms.CharField):
    """One value a line."""


def _lines_field(example, **values):
    widget = forms.Textarea(attrs={"rows": 1, "spellcheck": "false", "class": "form-control mono"})
    return _Lines(required=False, max_length=8000, widget=widget, help_text=f"One a line: {example}", **values)


class CreateForm(_Form):
    host = forms.ModelChoiceField(queryset=None, empty_label=None)
    name = forms.CharField(max_length=128, help_text="Letters, digits, “_”, “.” and “-”.")
    image = forms.CharField(
        max_length=512,
        widget=forms.TextInput(attrs={"list": "image_names", "autocomplete": "off", "spellcheck": "false"}),
        help_text="An image on the host, or one that Podman can pull, such as docker.io/library/redis:7.",
    )
    command = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.TextInput(attrs={"spellcheck": "false", "class": "form-control mono"}),
        help_text="As typed into a shell; empty: the image’s own.",
    )
    publish = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "class": "form-control mono"}),
        help_text="--publish, one a line: 18080:8080",
    )
    env = forms.CharField(
        required=False,
        max_length=20000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "class": "form-control mono"}),
        help_text="--env, one a line: NAME=value. Only the names are kept in the history.",
    )

    start = forms.BooleanField(required=False, initial=True, label="Start it at once")
    volume = _lines_field("data:/var/lib/data; a path of the host needs an administrator: /srv/data:/data:ro")
    label = _lines_field("team=ops")
    memory = forms.CharField(max_length=20, required=False, help_text="512m; empty: no limit.")
    cpus = forms.CharField(max_length=10, required=False, label="CPUs", help_text="1.5; empty: no limit.")
    user = forms.CharField(max_length=130, required=False, help_text="Name or number; empty: the image’s own.")
    pod = forms.CharField(max_length=128, required=False, help_text="An existing pod to put it into.")
    restart = forms.ChoiceField(
        choices=[("", "never by itself"), *((name, name) for name in creation.RESTART[1:])], required=False
    )
    ulimit = _lines_field("nofile=1024:1024")
    cap_drop = _lines_field("NET_RAW", label="Capabilities to drop")
    tty = forms.BooleanField(required=False, label="A terminal")
    init = forms.BooleanField(required=False, label="An init process that reaps its children")
    privileged = forms.BooleanField(required=False, label="Privileged: it has root’s power over the host")
    cap_add = _lines_field("NET_ADMIN", label="Capabilities to add")
    security_opt = _lines_field("no-new-privileges")

    MORE = ("volume", "label", "memory", "cpus", "user", "pod", "restart", "ulimit", "cap_drop")
    TICKS = ("tty", "init")
    ROOT = ("privileged", "cap_add", "security_opt")  # only for who may create_privileged

    def __init__(self, *args, hosts, may_create_privileged, **kwargs):
        super().__init__(*args, **kwargs)
        _offer_hosts(self.fields["host"], hosts)
        self._may_create_privileged = may_create_privileged
        for name in () if may_create_privileged else self.ROOT:
            del self.fields[name]
        for name in (*self.TICKS, "start", "privileged"):
            if name in self.fields:
                self.fields[name].widget.attrs["class"] = "form-check-input"

    def more(self):
        return [self[name] for name in self.MORE]

    def ticks(self):
        return [self[name] for name in self.TICKS]

    def root(self):
        """Fields that give power over the host; none for who may not have it."""
        return [self[name] for name in self.ROOT if name in self.fields and name != "privileged"]

    def filled_more(self):
        return any(
            self[name].value() or self[name].errors
            for name in (*self.MORE, *self.TICKS, *self.ROOT)
            if name in self.fields
        )

    def clean(self):
        values = super().clean()
        for name, field in self.fields.items():
            if isinstance(field, _Lines) and name in values:
                values[name] = _lines(values[name])
        if not self._may_create_privileged and "volume" in creation.gives_root(values):
            self.add_error("volume", "A path of the host needs an administrator. Name a volume, such as data:/data.")
        return values

    def clean_command(self):
        return _words(self.cleaned_data["command"])

    def clean_publish(self):
        return _ports(self.cleaned_data["publish"])

    def clean_env(self):
        lines = _lines(self.cleaned_data["env"])
        wrong = [line for line in lines if not re.match(r"[^=\s]+=", line)]
        if wrong:
            raise forms.ValidationError(f"{wrong[0]!r} has no name before a “=”.")
        return lines


class AddressForm(forms.Form):
    """A list's filters as they stand in the address. What cannot be used filters nothing, and says so."""

    since = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    until = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    before = forms.IntegerField(required=False, min_value=1, max_value=2**62)
    after = forms.IntegerField(required=False, min_value=0, max_value=2**62)

    PLACES = ("before", "after")
    NO_FILTERS = PLACES  # fields that choose no rows

    def clean(self):
        values = super().clean()
        since, until = values.get("since"), values.get("until")
        if since and until and since > until:
            self.add_error("until", "It ends before it begins.")
        return values

    def filters(self):
        """The filters that can be used, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value and name not in self.NO_FILTERS}

    def place(self):
        """Where the page stands in the list: {"before": …} or {"after": …}, or neither."""
        return {name: self.cleaned_data[name] for name in self.PLACES if self.cleaned_data.get(name) is not None}


class HistoryForm(AddressForm):
    """The history's filters."""

    q = forms.CharField(required=False, max_length=200)
    who = forms.CharField(required=False, max_length=150)
    action = forms.CharField(required=False, max_length=64)
    result = forms.CharField(required=False, max_length=16)
    host = forms.CharField(required=False, max_length=63)
    image = forms.CharField(required=False, max_length=512)
    container = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    checkpoint = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    operation = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


def tags_in(text):
    """The tags that were typed, each once."""
    tags = [tag for tag in re.split(r"[\s,]+", text) if tag]
    wrong = [tag for tag in tags if not TAG.fullmatch(tag)]
    if wrong:
        raise forms.ValidationError(f"{wrong[0]!r} is not a tag: letters, digits, - and _, 50 at the most.")
    return list(dict.fromkeys(tags))


def _words(text):
    """The argument list that a shell would make of it, without a shell."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise forms.ValidationError(f"That cannot be read as a command line: {error}.") from error


def _lines(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def _ports(text):
    lines = _lines(text)
    wrong = [line for line in lines if not re.fullmatch(r"[0-9a-fA-F.:\[\]/a-z-]+", line)]
    if wrong:
        raise forms.ValidationError(f"{wrong[0]!r} is not a published port, such as 18080:8080.")
    return lines


class TokenForm(_Form):
    """A token's name, time and scopes: some of `rights`, the names of what its person may do."""

    name = forms.CharField(
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Where it is used, such as nightly-ci. The history names it.",
    )
    days = forms.TypedChoiceField(
        choices=[(7, "a week"), (30, "30 days"), (90, "90 days"), (365, "a year")],
        initial=90, coerce=int, label="Lives for", widget=forms.Select,
    )  # fmt: skip
    scopes = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        initial=["see"],
        error_messages={"required": "Choose what it may do."},
    )

    def __init__(self, *args, rights, **kwargs):
        super().__init__(*args, **kwargs)
        own = {"see": "look at what it may see", "operate": "change containers"}
        self.fields["scopes"].choices = [(name, own.get(name, RIGHTS[name]).capitalize()) for name in rights]


class ServiceAccountForm(_Form):
    """The name of a program in the history, and what it is there for."""

    name = forms.CharField(
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="As the history will call it, such as ci.",
    )
    purpose = forms.CharField(max_length=200, label="What for")
