"""What people type into the catalog's pages: its filters, an edit, a discard, a search's name. Checks of shape only."""

from django import forms
from django.http import QueryDict
from django.utils.http import urlencode

from containers_app import catalog

from .base import AddressForm, Form, tags_in

TRUTHS = [("", "either"), (catalog.YES, "yes"), (catalog.NO, "no")]
VIEWS = {"table": "Table", "cards": "Cards"}


class _Text(forms.CharField):
    """Text of an address, which may hold anything: a NUL is no letter."""

    def to_python(self, value):
        return super().to_python((value or "").replace("\0", " "))


def _text(**values):
    return _Text(required=False, **values)


def _truth(label):
    return forms.ChoiceField(required=False, choices=TRUTHS, label=label)


def _size(label):
    return forms.DecimalField(
        required=False, min_value=0, max_value=2**40, max_digits=16, decimal_places=3, label=label
    )


class CatalogForm(AddressForm):
    """The catalog's filters, its order and its look."""

    q = _text(max_length=200)
    of = _text(max_length=255, label="Container")
    image = _text(max_length=512)
    who = _text(max_length=150, label="Taken by")
    tag = _text(max_length=50)
    container = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    host = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    engine = forms.ChoiceField(required=False, choices=[("", "any"), *catalog.ENGINES.items()])
    larger = _size("Stored, at least MiB")
    smaller = _size("Stored, at most MiB")
    verified = _truth("Verified by a drill")
    flawed = _truth("Damaged or missing")
    pinned = _truth("Pinned")
    favourite = _truth("My favourite")
    imported = _truth("From elsewhere")
    sort = forms.ChoiceField(required=False, choices=[(key, label) for key, (label, *_) in catalog.SORTS.items()])
    view = forms.ChoiceField(required=False, choices=VIEWS.items())

    NO_FILTERS = (*AddressForm.PLACES, "sort", "view")
    FOLDED = (
        "of", "image", "who", "tag", "engine", "since", "until", "larger", "smaller", "verified", "flawed", "pinned",
        "favourite", "imported", "host",
    )  # fmt: skip

    def __init__(self, *args, **kwargs):
        super().__init__(*args, label_suffix="", **kwargs)
        for name, field in self.fields.items():
            css = "form-select" if isinstance(field, forms.ChoiceField) else "form-control"
            field.widget.attrs.update({"class": f"{css} form-control-sm" if css == "form-control" else css})
            field.widget.attrs["id"] = f"checkpoint_{name}"

    @property
    def sort_key(self):
        return self.cleaned_data.get("sort") or next(iter(catalog.SORTS))

    @property
    def look(self):
        return self.cleaned_data.get("view") or next(iter(VIEWS))

    def address(self, *, without=""):
        """The search as it stands in the address: without what says nothing, its place, and the field `without`."""
        said = {**self.filters(), "sort": self.sort_key, "view": self.look}
        usual = {"sort": next(iter(catalog.SORTS)), "view": next(iter(VIEWS)), without: said.get(without)}
        return urlencode({name: value for name, value in said.items() if value != usual.get(name)})

    def folded(self):
        """Filters that stand below the search field, and are shown when one of them is set."""
        return [self[name] for name in self.FOLDED]


class EditForm(Form):
    name = forms.CharField(max_length=120)
    note = forms.CharField(
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="Markdown: **bold**, `code`, lists, links, tables.",
    )
    tags = forms.CharField(max_length=500, required=False, help_text="Words of letters, digits, - and _.")

    def clean_tags(self):
        return tags_in(self.cleaned_data["tags"])


class DiscardForm(Form):
    """The checkpoint's name, typed: nothing brings it back."""

    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))

    def __init__(self, *args, expected, **kwargs):
        super().__init__(*args, **kwargs)
        self._expected = expected
        self.fields["name"].label = f"Type {expected} to confirm"

    def clean_name(self):
        if " ".join(self.cleaned_data["name"].split()) != " ".join(self._expected.split()):
            raise forms.ValidationError(f"Its name is {self._expected}.")
        return self._expected


class SearchForm(forms.Form):
    """A search's name, and the search as it stands in the address."""

    name = forms.CharField(max_length=80)
    query = forms.CharField(max_length=2000, required=False)

    def clean_query(self):
        """Only what the catalog's page would make of it is kept."""
        return CatalogForm(QueryDict(self.cleaned_data["query"])).address()
