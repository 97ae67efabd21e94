"""What is typed of images."""

from django import forms

from .base import Form, offer_hosts


class PullForm(Form):
    host = forms.ModelChoiceField(queryset=None, empty_label=None)
    image = forms.CharField(
        max_length=255,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "form-control mono"}),
        help_text="With its registry, such as docker.io/library/redis:7, or a short name.",
    )

    def __init__(self, *args, hosts, **kwargs):
        super().__init__(*args, **kwargs)
        offer_hosts(self.fields["host"], hosts)


class ImagePruneForm(Form):
    everything = forms.BooleanField(
        required=False,
        label="Named images too",
        help_text="Every image that no container was made from.",
    )
