"""What is typed of a checkpoint: Podman's options for taking and restoring it, and what is asked of one."""

import shlex

from django import forms

from containers_app.models.catalog import Mode
from containers_app.runtime import probes

from .base import Form, ports_in, tags_in, words_in


class _OptionsForm(Form):
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
        return ports_in(self.cleaned_data["publish"])

    def clean(self):
        values = super().clean()
        if values.get("as_new") and not values.get("name") and "name" not in self.errors:
            self.add_error("name", "A new container needs a name.")
        if not values.get("as_new") and (values.get("copies") or 1) > 1:
            self.add_error("copies", "Under its own name there is one. Copies are new containers.")
        return values


class MemorySearchForm(Form):
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


class PushForm(Form):
    image = forms.CharField(
        max_length=512,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "form-control mono"}),
        label="Name in the registry",
        help_text="With its registry and a tag, such as registry.example/team/redis-warm:1.",
    )


class DrillForm(Form):
    cold = forms.BooleanField(required=False)
    host = forms.ModelChoiceField(queryset=None, required=False)

    def __init__(self, *args, hosts, **kwargs):
        """`hosts` (rows) may be chosen; none means where the checkpoint was taken."""
        super().__init__(*args, **kwargs)
        self.fields["host"].queryset = hosts


class ReadyForm(Form):
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
        return words_in(self.cleaned_data["command"])

    def probe(self):
        """The Probe of what was typed. Raises BadInput, beside its field, for what is none."""
        values = self.cleaned_data
        return probes.of(
            {
                "kind": values["kind"], "command": values["command"], "port": values["port"] or 0,
                "path": values["path"] or "/", "seconds": values["seconds"],
            }
        )  # fmt: skip
