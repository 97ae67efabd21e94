"""What is typed of what happens by itself."""

from django import forms

from containers_app.services.policies import MOST_HOURS, SCOPES

from .base import Form


class ScheduleForm(Form):
    """What happens by itself, and how often."""

    enabled = forms.BooleanField(required=False, label="It happens by itself")
    every_hours = forms.IntegerField(min_value=1, max_value=MOST_HOURS, label="Hours between", help_text="168: a week.")


class ScrubScheduleForm(ScheduleForm):
    mib_per_second = forms.IntegerField(
        min_value=1, max_value=10_000, label="MiB that are read in a second", help_text="Fewer are gentler to the disk."
    )


class DrillScheduleForm(ScheduleForm):
    scope = forms.ChoiceField(choices=list(SCOPES.items()), label="Of which checkpoints")
    cold = forms.BooleanField(
        required=False, label="Measure the cold start too", help_text="Starts a fresh container of the same image."
    )
