"""What people type about themselves, about people, teams and roles: checks of shape only."""

from django import forms

from containers_app import access

from .base import Form


class RecoveryForm(Form):
    """A new password; whether it is good enough, the service says."""

    password = forms.CharField(
        max_length=128, strip=False, label="New password", help_text="Twelve characters or more; a phrase is best.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip


class PasswordForm(RecoveryForm):
    """Another password, and the one of now."""

    current = forms.CharField(
        max_length=128, strip=False, label="Password of now",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )  # fmt: skip
    field_order = ["current", "password"]

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self._user = user

    def clean_current(self):
        if not self._user.check_password(self.cleaned_data["current"]):
            raise forms.ValidationError("That is not your password.")
        return self.cleaned_data["current"]


class CodeForm(Form):
    """A code of the second factor, or a recovery code."""

    code = forms.CharField(
        max_length=64, label="Code", help_text="Six digits from your authenticator app, or a recovery code.",
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )  # fmt: skip


class EnrolForm(Form):
    """The first code of an app that is being set up."""

    code = forms.RegexField(
        r"^\s*[0-9]{3} ?[0-9]{3}\s*$", label="Code", help_text="The six digits that the app shows now.",
        error_messages={"invalid": "Six digits."},
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )  # fmt: skip

    def clean_code(self):
        return "".join(self.cleaned_data["code"].split())


class PersonForm(Form):
    """A person's name (of a new one) and role in each team; `roles()` is {Team: Role}."""

    name = forms.CharField(max_length=150, help_text="As they will type it to sign in.")
    active = forms.BooleanField(required=False, initial=True, label="May sign in")
    superuser = forms.BooleanField(required=False, label="May do everything, in every team")

    def __init__(self, *args, teams, roles, person=None, **kwargs):
        held = {row.team_id: row.role_id for row in person.memberships.all()} if person else {}
        initial = {f"team_{team.pk}": held.get(team.pk, "") for team in teams}
        if person:
            initial |= {"active": person.is_active, "superuser": person.is_superuser}
        super().__init__(*args, initial=initial, **kwargs)
        self._teams, self._roles = list(teams), {role.pk: role for role in roles}
        choices = [("", "not in it"), *((role.pk, role.name) for role in self._roles.values())]
        for team in self._teams:
            field = forms.TypedChoiceField(
                choices=choices, required=False, coerce=int, empty_value=None, label=f"In {team.name}",
                widget=forms.Select(attrs={"class": "form-select"}),
            )  # fmt: skip
            self.fields[f"team_{team.pk}"] = field
        del self.fields["name" if person else "active"]

    @property
    def team_fields(self):
        return [self[f"team_{team.pk}"] for team in self._teams]

    def values(self):
        """What `people.add_person` and `people.change_person` take."""
        chosen = {team: self.cleaned_data[f"team_{team.pk}"] for team in self._teams}
        roles = {team: self._roles[pk] for team, pk in chosen.items() if pk}
        names = [name for name in ("name", "active", "superuser") if name in self.fields]
        return {"roles": roles, **{name: self.cleaned_data[name] for name in names}}


class TeamForm(Form):
    """A team's name and its rules, one a line: `host label=value`, each part may be `*`."""

    name = forms.CharField(max_length=40)
    rules = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 4, "class": "form-control mono"}), label="It owns",
        help_text="One rule a line: a host’s name or *, then a label such as app=billing, app, or *. The first rule of "
        "any team that fits a container decides; what no rule fits is the default team’s.",
    )  # fmt: skip

    def __init__(self, *args, hosts, **kwargs):
        super().__init__(*args, **kwargs)
        self._hosts = {host.name: host for host in hosts}

    def clean_rules(self):
        """[{host, label, value}]"""
        return [self._rule(line.split()) for line in self.cleaned_data["rules"].splitlines() if line.strip()]

    def _rule(self, parts):
        if len(parts) != 2:
            raise forms.ValidationError(f"“{' '.join(parts)}” is not a host and a label, with a space between.")
        host, (label, _, value) = parts[0], parts[1].partition("=")
        if host != "*" and host not in self._hosts:
            raise forms.ValidationError(f"There is no host called {host}.")
        if max(len(label), len(value)) > 255 or not label:
            raise forms.ValidationError(f"“{parts[1]}” is no label.")
        return {"host": self._hosts.get(host), "label": "" if label == "*" else label, "value": value}

    @staticmethod
    def written(rules):
        """Rules as they are typed."""
        lines = [
            f"{rule.host.name if rule.host_id else '*'} "
            f"{(f'{rule.label}={rule.value}' if rule.value else rule.label) or '*'}"
            for rule in rules
        ]
        return "\n".join(lines)


class RoleForm(Form):
    name = forms.CharField(max_length=16)
    purpose = forms.CharField(max_length=120, required=False)
    rights = forms.MultipleChoiceField(
        choices=[(right, f"may {words}") for right, words in access.RIGHTS.items()], required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
    )  # fmt: skip


class ShareForm(Form):
    teams = forms.ModelMultipleChoiceField(
        None, required=False, widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}), label="Teams"
    )

    def __init__(self, *args, teams, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["teams"].queryset = teams
