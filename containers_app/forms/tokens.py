"""What is typed of tokens and of the programs that have them."""

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator

from containers_app.access import RIGHTS
from containers_app.models.tokens import NAME_LENGTH

from .base import Form


class TokenForm(Form):
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


class ServiceAccountForm(Form):
    """The name of a program in the history, and what it is there for."""

    name = forms.CharField(
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="As the history will call it, such as ci.",
    )
    purpose = forms.CharField(max_length=200, label="What for")
