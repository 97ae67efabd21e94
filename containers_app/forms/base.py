"""What forms have in common: their looks and key, the filters of a list, and the shapes of what is typed."""

import re
import shlex
import uuid

from django import forms

TAG = re.compile(r"[-a-zA-Z0-9_]{1,50}")


class Form(forms.Form):
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


class ConfirmForm(Form):
    """Nothing but the key: a press of a button."""


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


class Lines(forms.CharField):
    """One value a line."""


def lines_field(example, **values):
    widget = forms.Textarea(attrs={"rows": 1, "spellcheck": "false", "class": "form-control mono"})
    return Lines(required=False, max_length=8000, widget=widget, help_text=f"One a line: {example}", **values)


def offer_hosts(field, hosts):
    """All `hosts`, and at first one that is there to do it."""
    field.queryset = hosts
    field.initial = next((host.pk for host in hosts if not host.away), None)


def tags_in(text):
    """The tags that were typed, each once."""
    tags = [tag for tag in re.split(r"[\s,]+", text) if tag]
    wrong = [tag for tag in tags if not TAG.fullmatch(tag)]
    if wrong:
        raise forms.ValidationError(f"{wrong[0]!r} is not a tag: letters, digits, - and _, 50 at the most.")
    return list(dict.fromkeys(tags))


def words_in(text):
    """The argument list that a shell would make of it, without a shell."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise forms.ValidationError(f"That cannot be read as a command line: {error}.") from error


def lines_in(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def ports_in(text):
    lines = lines_in(text)
    wrong = [line for line in lines if not re.fullmatch(r"[0-9a-fA-F.:\[\]/a-z-]+", line)]
    if wrong:
        raise forms.ValidationError(f"{wrong[0]!r} is not a published port, such as 18080:8080.")
    return lines
