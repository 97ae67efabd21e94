"""What is typed of containers: how they are made, ended, changed, and which lines of their logs are wanted."""

import re
from datetime import UTC, datetime, timedelta

from django import forms
from django.utils import timezone

from containers_app.runtime import creation
from containers_app.services.lifecycle import SIGNALS

from .base import Form, Lines, lines_field, lines_in, offer_hosts, ports_in, words_in

LENGTHS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class KillForm(Form):
    signal = forms.ChoiceField(
        choices=[(name, f"SIG{name}") for name in SIGNALS],
        initial="KILL",
        required=False,
        help_text="SIGKILL ends it at once. Any other its first process may catch, ignore, or act on and go on.",
    )

    def clean_signal(self):
        return self.cleaned_data["signal"] or "KILL"


class RemoveForm(Form):
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


class RenameForm(Form):
    name = forms.CharField(
        max_length=128,
        label="New name",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Letters, digits, “_”, “.” and “-”.",
    )


class ExecForm(Form):
    command = forms.CharField(
        max_length=4000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "form-control mono"}),
        help_text="Words as in a shell, quotes too; pipes and $NAME need a shell of its own: sh -c 'ls | wc -l'.",
    )
    user = forms.CharField(required=False, max_length=129, help_text="Name or number, with a group or without.")
    workdir = forms.CharField(required=False, max_length=1024, label="Directory", help_text="Empty: the container’s.")
    seconds = forms.IntegerField(min_value=1, max_value=3600, initial=60, label="Seconds it may take")

    def clean_command(self):
        return words_in(self.cleaned_data["command"])


class CommitForm(Form):
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


class BulkForm(Form):
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


class CreateForm(Form):
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
    volume = lines_field("data:/var/lib/data; a path of the host needs an administrator: /srv/data:/data:ro")
    label = lines_field("team=ops")
    memory = forms.CharField(max_length=20, required=False, help_text="512m; empty: no limit.")
    cpus = forms.CharField(max_length=10, required=False, label="CPUs", help_text="1.5; empty: no limit.")
    user = forms.CharField(max_length=130, required=False, help_text="Name or number; empty: the image’s own.")
    pod = forms.CharField(max_length=128, required=False, help_text="An existing pod to put it into.")
    restart = forms.ChoiceField(
        choices=[("", "never by itself"), *((name, name) for name in creation.RESTART[1:])], required=False
    )
    ulimit = lines_field("nofile=1024:1024")
    cap_drop = lines_field("NET_RAW", label="Capabilities to drop")
    tty = forms.BooleanField(required=False, label="A terminal")
    init = forms.BooleanField(required=False, label="An init process that reaps its children")
    privileged = forms.BooleanField(required=False, label="Privileged: it has root’s power over the host")
    cap_add = lines_field("NET_ADMIN", label="Capabilities to add")
    security_opt = lines_field("no-new-privileges")

    MORE = ("volume", "label", "memory", "cpus", "user", "pod", "restart", "ulimit", "cap_drop")
    TICKS = ("tty", "init")
    ROOT = ("privileged", "cap_add", "security_opt")  # only for who may create_privileged

    def __init__(self, *args, hosts, may_create_privileged, **kwargs):
        super().__init__(*args, **kwargs)
        offer_hosts(self.fields["host"], hosts)
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
            if isinstance(field, Lines) and name in values:
                values[name] = lines_in(values[name])
        if not self._may_create_privileged and "volume" in creation.gives_root(values):
            self.add_error("volume", "A path of the host needs an administrator. Name a volume, such as data:/data.")
        return values

    def clean_command(self):
        return words_in(self.cleaned_data["command"])

    def clean_publish(self):
        return ports_in(self.cleaned_data["publish"])

    def clean_env(self):
        lines = lines_in(self.cleaned_data["env"])
        wrong = [line for line in lines if not re.match(r"[^=\s]+=", line)]
        if wrong:
            raise forms.ValidationError(f"{wrong[0]!r} has no name before a “=”.")
        return lines
