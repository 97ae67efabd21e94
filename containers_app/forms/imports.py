"""What people type about archives from elsewhere: which one, whether it passes, and the policy. Shape only."""

import re

from django import forms
from django.conf import settings

from containers_app.models import Upload
from containers_app.runtime.privileges import NAMESPACES
from containers_app.runtime.review import IMAGE, is_clean, is_forbidden
from containers_app.runtime.review_images import CAPABILITIES

from .base import TAG, Form, lines_in, offer_hosts

SHAREABLE = [name for name in NAMESPACES if name not in {"ipc", "mount"}]  # those two nobody may share


class ImportForm(Form):
    """A file that comes with the form, an upload that is here already, or a path on the host: one of them."""

    host = forms.ModelChoiceField(queryset=None, empty_label=None)
    file = forms.FileField(
        required=False, max_length=255, label="Archive", help_text="tar, tar.gz or tar.zst, as Podman exports it."
    )
    upload = forms.UUIDField(required=False, widget=forms.HiddenInput)
    path = forms.CharField(
        required=False,
        max_length=4096,
        label="Or its path on the host",
        widget=forms.TextInput(attrs={"class": "form-control mono", "spellcheck": "false", "autocomplete": "off"}),
    )
    name = forms.CharField(required=False, max_length=120, help_text="Empty: its container’s.")
    note = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 2}))
    tags = forms.CharField(required=False, max_length=500, help_text="Words of letters, digits, - and _.")

    def __init__(self, *args, hosts, user, **kwargs):
        super().__init__(*args, **kwargs)
        offer_hosts(self.fields["host"], hosts)
        here = hosts.filter(name=settings.HOST_NAME).first()
        if here:
            self.fields["host"].initial = here.pk
        self._user = user
        if settings.IMPORT_FROM:
            folders = ", ".join(str(folder) for folder in settings.IMPORT_FROM)
            self.fields["path"].help_text = f"Below {folders}."
        else:
            del self.fields["path"]

    def clean_upload(self):
        key = self.cleaned_data["upload"]
        found = Upload.objects.filter(key=key, by=self._user).first() if key else None
        if key and not found:
            raise forms.ValidationError("That upload is not here any more: choose the file again.")
        return found

    def clean_tags(self):
        tags = [tag for tag in re.split(r"[\s,]+", self.cleaned_data["tags"]) if tag]
        wrong = [tag for tag in tags if not TAG.fullmatch(tag)]
        if wrong:
            raise forms.ValidationError(f"{wrong[0]!r} is not a tag: letters, digits, - and _, 50 at the most.")
        return tags

    def clean(self):
        found = super().clean()
        given = [name for name in ("file", "upload", "path") if found.get(name)]
        if len(given) != 1 and not self.errors:
            self.add_error("file", "Choose one archive: a file, or a path on the host.")
        return found


class DecisionForm(Form):
    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Where it comes from, and why it may or may not be restored here. It stays in the history.",
        error_messages={"required": "Say why: it stays in the history."},
    )
    decision = forms.ChoiceField(choices=[("approve", "Approve"), ("refuse", "Refuse")])


class ImportPolicyForm(Form):
    """One line a name, as people paste them."""

    always_ask = forms.BooleanField(
        required=False,
        label="Ask for an approval of everything",
        help_text="Off: what stays within the rules below may be restored at once.",
    )
    four_eyes = forms.BooleanField(
        required=False,
        label="Four eyes",
        help_text="Who brought an archive in may not be the one who approves it.",
    )
    unconfined = forms.BooleanField(
        required=False,
        label="Containers that are kept in less",
        help_text="Without a seccomp filter, masked or read-only paths.",
    )
    host_namespaces = forms.MultipleChoiceField(
        required=False,
        choices=[(name, f"{name}: it {NAMESPACES[name]}") for name in SHAREABLE],
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        label="Namespaces that may be shared with the host",
    )
    capabilities = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control mono", "spellcheck": "false"}),
        label="More capabilities",
        help_text="Beyond those that every container has, such as CAP_SYS_PTRACE; one a line.",
    )
    bind_sources = forms.CharField(
        required=False,
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control mono", "spellcheck": "false"}),
        label="Folders of the host that may be mounted",
        help_text="With all below them; one a line. System folders never are.",
    )
    registries = forms.CharField(
        required=False,
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control mono", "spellcheck": "false"}),
        label="Registries that images may be named from",
        help_text="Such as quay.io/team; one a line. Empty: any, because a restore never pulls an image by that name.",
    )

    def clean_capabilities(self):
        names = {name.upper() for name in lines_in(self.cleaned_data["capabilities"])}
        names = sorted(name if name.startswith("CAP_") else f"CAP_{name}" for name in names)
        wrong = [name for name in names if name.removeprefix("CAP_") not in CAPABILITIES]
        if wrong:
            raise forms.ValidationError(f"{wrong[0]} is no capability: see capability(7).")
        return names

    def clean_bind_sources(self):
        folders = [line.rstrip("/") or "/" for line in lines_in(self.cleaned_data["bind_sources"])]
        for folder in folders:
            if not is_clean(folder):
                raise forms.ValidationError(f"{folder!r} is no whole, clean path.")
            if is_forbidden(folder):
                raise forms.ValidationError(f"{folder} gives the host away: no archive may mount it.")
        return folders

    def clean_registries(self):
        places = [line.rstrip("/") for line in lines_in(self.cleaned_data["registries"])]
        wrong = [place for place in places if not IMAGE.fullmatch(place)]
        if wrong:
            raise forms.ValidationError(f"{wrong[0]!r} is not the name of a registry.")
        return places

    def clean_host_namespaces(self):
        return list(self.cleaned_data["host_namespaces"])
