"""The history's filters, as they stand in the address."""

from django import forms

from .base import AddressForm


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
