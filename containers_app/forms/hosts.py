"""What is typed of hosts: CRIU's own switches."""

from django import forms

from .base import Form


class CriuForm(Form):
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
