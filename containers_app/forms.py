"""What people type: checks of shape only. Whether it is possible, and allowed, the services and `access` say.

Fields keep Podman's flag names in snake_case.
"""

import re
import shlex
import uuid

from django import forms

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


class CheckpointForm(_Form):
    leave_running = forms.TypedChoiceField(
        choices=[("", "Stop"), ("on", "Keep running")],
        coerce=lambda value: value == "on",
        empty_value=False,
        required=False,
        widget=forms.RadioSelect,
        label="Mode",
    )
    tcp_established = forms.BooleanField(required=False)
    file_locks = forms.BooleanField(required=False)
    name = forms.CharField(max_length=120, required=False, help_text="Empty: the name shown.")
    note = forms.CharField(
        max_length=2000, required=False, strip=True, widget=forms.Textarea(attrs={"rows": 2}), label="Note"
    )
    tags = forms.CharField(max_length=500, required=False, help_text="Words with letters, digits, - and _.")

    def clean_tags(self):
        tags = re.split(r"[\s,]+", self.cleaned_data["tags"].strip())
        tags = [tag for tag in tags if tag]
        wrong = [tag for tag in tags if not TAG.fullmatch(tag)]
        if wrong:
            raise forms.ValidationError(f"{wrong[0]!r} is not a tag: letters, digits, - and _, 50 at the most.")
        return tags


class RestoreForm(_Form):
    """`as_new` says whether the name counts: without it the checkpoint comes back under its container's own name."""

    as_new = forms.TypedChoiceField(
        choices=[("", "Under its own name"), ("on", "As a new container")],
        coerce=lambda value: value == "on",
        empty_value=False,
        required=False,
        widget=forms.RadioSelect,
    )
    name = forms.CharField(max_length=128, required=False, label="Name of the new container")
    tcp_established = forms.BooleanField(required=False)
    file_locks = forms.BooleanField(required=False)

    def clean(self):
        values = super().clean()
        if values.get("as_new") and not values.get("name") and "name" not in self.errors:
            self.add_error("name", "A new container needs a name.")
        return values


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

    def __init__(self, *args, hosts, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["host"].queryset = hosts

    def clean_command(self):
        try:
            return shlex.split(self.cleaned_data["command"])
        except ValueError as error:
            raise forms.ValidationError(f"That cannot be read as a command line: {error}.") from error

    def clean_publish(self):
        lines = _lines(self.cleaned_data["publish"])
        wrong = [line for line in lines if not re.fullmatch(r"[0-9a-fA-F.:\[\]/a-z-]+", line)]
        if wrong:
            raise forms.ValidationError(f"{wrong[0]!r} is not a published port, such as 18080:8080.")
        return lines

    def clean_env(self):
        lines = _lines(self.cleaned_data["env"])
        wrong = [line for line in lines if not re.match(r"[^=\s]+=", line)]
        if wrong:
            raise forms.ValidationError(f"{wrong[0]!r} has no name before a “=”.")
        return lines


def _lines(text):
    return [line.strip() for line in text.splitlines() if line.strip()]
