"""How facts are written on pages: times, sizes, durations, IDs, commands, icons. Built in: templates need no load.

Knows nothing of the database; of a request only who looks. `static/app.js` writes times in the same words.
"""

import re
import shlex
import uuid
from datetime import datetime
from functools import lru_cache

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from lucide.templatetags.lucide import _render_icon

from containers_app import access, insides, notes, operations_shown, shown
from containers_app.harmless import TERMINAL

register = template.Library()

# In this order: each browser names those that it is like as well.
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip
MINUTE, HOUR, DAY = 60, 3600, 86400


@register.simple_tag
@lru_cache(maxsize=1000)  # a list shows the same few a hundred times
def icon(name, label=""):
    """An icon inline; it is for the eyes only unless it has a label."""
    what = {"role": "img", "aria-label": label} if label else {"aria-hidden": "true"}
    return _render_icon(name, None, **{"class": "icon", **what})


@register.simple_tag
def when(moment, otherwise=""):
    """`6 min ago`, with the exact UTC as its title."""
    return _time(moment, ago(moment), "ago") if moment else otherwise


@register.simple_tag
def since(moment, otherwise=""):
    """`3 h 12 min`: how long ago that is."""
    return _time(moment, span(_seconds_since(moment)), "span") if moment else otherwise


@register.simple_tag
def clock(moment):
    """`12:04:37`; in UTC here, in local time where there is JavaScript. Nothing for what is no time."""
    try:
        moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    except ValueError:
        return ""
    return _time(moment, f"{_utc(moment):%H:%M:%S}", "clock") if moment else ""


@register.simple_tag
def day(moment):
    """`23 Nov 2026, 12:04`; in UTC here, in local time where there is JavaScript."""
    return _time(moment, f"{_utc(moment):%-d %b %Y, %H:%M} UTC", "day") if moment else ""


def _time(moment, words, kind):
    utc = _utc(moment)
    title = f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    return format_html('<time datetime="{}" title="{}" data-time="{}">{}</time>', utc.isoformat(), title, kind, words)


def _utc(moment):
    return moment.astimezone(timezone.get_default_timezone())


def _seconds_since(moment):
    return max(0, int((timezone.now() - _utc(moment)).total_seconds()))


def ago(moment):
    """Words for a moment of the past: `2 s ago`, `6 min ago`, `1 h ago`, `yesterday`, `5 d ago`, then the date."""
    seconds = _seconds_since(moment)
    if seconds < MINUTE:
        return f"{seconds} s ago"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min ago"
    if seconds < DAY:
        return f"{seconds // HOUR} h ago"
    if seconds < 2 * DAY:
        return "yesterday"
    return f"{seconds // DAY} d ago" if seconds < 30 * DAY else f"{_utc(moment):%-d %b %Y}"


@register.filter
def span(seconds):
    """Words for a length of time in whole seconds: `42 s`, `6 min`, `3 h 12 min`, `2 d 4 h`."""
    seconds = int(seconds)
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < DAY:
        hours, rest = divmod(seconds, HOUR)
        return f"{hours} h {rest // MINUTE} min" if rest >= MINUTE else f"{hours} h"
    days, rest = divmod(seconds, DAY)
    return f"{days} d {rest // HOUR} h" if rest >= HOUR else f"{days} d"


@register.filter
def seconds(value):
    """A length of time in seconds, exactly enough: `72 ms`, `0.33 s`, `12.4 s`, `3 min`."""
    if value is None:
        return ""
    if value < 0.1:
        return f"{value * 1000:.1f} ms" if 0 < value < 0.001 else f"{value * 1000:.0f} ms"
    if value < 10:
        return f"{value:.2f} s"
    return f"{value:.1f} s" if value < 2 * MINUTE else span(value)


@register.filter
def microseconds(value):
    """CRIU's times, in µs."""
    return seconds((value or 0) / 1e6)


@register.filter
def between(start, end):
    """The length of time between two moments."""
    return seconds((end - start).total_seconds()) if start and end else ""


@register.filter
def size(count):
    """Bytes in MiB; in KiB when that is small, in GiB when it is large."""
    count = count or 0
    for unit, factor, form in (("GiB", 2**30, "{:,.2f}"), ("MiB", 2**20, "{:,.1f}"), ("KiB", 2**10, "{:,.0f}")):
        if count >= factor:
            amount = count / factor
            return f"{amount:,.0f} {unit}" if amount >= 100 else f"{form.format(amount)} {unit}"
    return f"{count} B"


@register.filter
def hours(number):
    """A length of time in whole hours: `36 hours`, `7 days`."""
    many, unit = (number // 24, "day") if number % 24 == 0 else (number, "hour")
    return unit if many == 1 else f"{many:,} {unit}s"


@register.filter
def longest(drill):
    """The longer of a drill's two times: what both are drawn against."""
    return max(drill.ready_us, drill.cold_us)


@register.simple_tag
def cold_against_warm(drill):
    """The ratio in words, whichever way it went."""
    ratio = drill.cold_us / drill.ready_us
    if ratio >= 1:
        return f"Ready {ratio:.1f} times as fast as from a cold start."
    return f"A cold start is faster here: it takes {ratio:.2f} of the time."


@register.filter
def count(number):
    """`12,481`."""
    return f"{number or 0:,}"


@register.filter
def short(digest):
    """The first 12 hex digits of an ID or digest."""
    return (digest or "").removeprefix("sha256:")[:12]


@register.filter
def command(argv):
    """An argument list as it would be typed into a shell. Values of the environment stay out: they may be secrets."""
    return shlex.join(re.sub(r"(?s)^(--env=[^=]*=).+", r"\1…", str(part)) for part in argv or [])


@register.filter
def image_title(name):
    """`docker.io/library/redis:7` → `redis 7`."""
    last = (name or "").partition("@")[0].rpartition("/")[2]
    title, _, tag = last.partition(":")
    return f"{title} {tag}" if tag and tag != "latest" else title or "no name"


@register.filter
def image_origin(name):
    """`docker.io/library/redis:7` → `docker.io/library`."""
    return (name or "").rpartition("/")[0]


@register.filter
def plain(text):
    """Text without a terminal's control sequences."""
    return TERMINAL.sub("", text or "")


@register.filter
def flag(name):
    """`tcp_established` → `--tcp-established`: Podman's spelling."""
    return "--" + str(name).replace("_", "-")


@register.simple_tag
def badge(state):
    """A state as a word and a dot."""
    return format_html('<span class="badge-state s-{}">{}</span>', state.tone, state.word)


@register.simple_tag
def container_badge(container, operation=None):
    return badge(shown.container_state(container, operation))


@register.simple_tag
def operation_badge(operation):
    return badge(shown.operation_state(operation))


@register.simple_tag(takes_context=True)
def possible_actions(context, container, operation=None, checkpoint=None):
    rights = access.rights_on(context["request"].user, container)
    return shown.possible_actions(container, operation, checkpoint, rights=rights)


@register.simple_tag
def copy(text, what):
    """A button that copies the whole text with one click; there is none without JavaScript."""
    return format_html(
        '<button type="button" class="copy" data-copy="{}" aria-label="Copy {}" title="Copy {}">{}</button>',
        text,
        what,
        what,
        icon("copy"),
    )


@register.simple_tag
def request_key():
    """A fresh key in a form: the same press twice is one request."""
    return format_html('<input type="hidden" name="request_key" value="{}">', uuid.uuid4())


@register.simple_tag
def sentence(event):
    """What happened, with the thing that it happened to as a link."""
    before, name, after, url = shown.linked_sentence(event)
    return format_html('{}<a href="{}">{}</a>{}', before, url, name, after) if url else before


@register.simple_tag
def operation_sentence(operation):
    """What an operation does, or has done, in a few words."""
    subject = operation.subject
    if operation.finished and operation.state == "succeeded":
        return format_html("{} <b>{}</b>", shown.DONE[operation.kind].capitalize(), subject)
    verb = "Create" if operation.kind == "sample" else operation.get_kind_display()
    return format_html("{} <b>{}</b>", verb, subject)


@register.simple_tag
def operation_icon(operation):
    return icon(shown.ICONS[operation.kind])


@register.simple_tag
def verb_icon(verb):
    """The name of a verb's icon."""
    return shown.ICONS[verb]


@register.simple_tag
def bulk_title(verb, number, everything):
    """`Kill all 20`, `Stop 3 containers`."""
    if everything:
        return f"{verb.capitalize()} all {number}"
    return f"{verb.capitalize()} {number} container{'' if number == 1 else 's'}"


@register.simple_tag
def cmd(argv):
    """A command as a block that can be copied; lines break between its arguments only."""
    typed = argv if isinstance(argv, str) else command(argv)
    parts = format_html_join(" ", "<span>{}</span>", ((part,) for part in _arguments(typed)))
    return format_html('<div class="cmd"><code>{}</code>{}</div>', parts, copy(typed, "the command"))


@register.simple_tag
def commands(argvs):
    return format_html_join("", "{}", ((cmd(argv),) for argv in argvs or []))


def _arguments(typed):
    """A command line cut at the spaces that are outside of quotes; the quotes stay."""
    return re.findall(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""", typed)


@register.simple_tag
def operation_progress(operation):
    return operations_shown.progress(operation)


@register.filter
def before(text, mark):
    """What stands before the first `mark`."""
    return str(text).partition(mark)[0]


@register.filter
def words(text):
    return text.split()


@register.filter
def at(mapping, key):
    return mapping.get(key, "")


@register.simple_tag
def host_badge(host):
    return badge(shown.host_state(host))


@register.filter
def markdown(text):
    """A note as HTML that does no harm."""
    return mark_safe(notes.html(text))  # noqa: S308 - cleaned there


@register.filter
def gist(text):
    """A note in a line of plain text."""
    return notes.gist(text)


@register.simple_tag(takes_context=True)
def restore_action(context, checkpoint):
    return shown.restore_action(checkpoint, access.rights_on(context["request"].user, checkpoint))


@register.filter
def device(agent):
    """What a browser calls itself, in two words: "Firefox on Linux"; its beginning where it is none that is known."""
    browser = next((name for key, name in BROWSERS if key in agent), "")
    system = next((name for key, name in SYSTEMS if key in agent), "")
    return " on ".join(filter(None, [browser, system])) or agent[:60] or "an unnamed device"


@register.filter
def memory(checkpoint):
    return shown.memory_bytes(checkpoint)


@register.filter
def port(published):
    """`18080:8080/tcp` → `18080:8080`: TCP goes without saying."""
    return published.removesuffix("/tcp")


@register.filter
def field_label(form, name):
    """A field's label, for a message that stands away from it."""
    return form[name].label if name in form.fields else ""


@register.filter
def title_of(name):
    """`leave_running` → `Leave running`."""
    return str(name).replace("_", " ").capitalize()[:60]


@register.filter
def fact(value):
    """A JSON value in words, as short as it can be: `–`, `yes`, `a, b`, `name: looper; note: warm`."""
    if value in (None, "", [], {}):
        return "–"
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            return "; ".join(f"{title_of(name).lower()}: {fact(item)}" for name, item in value.items())
        case list():
            return ", ".join(map(fact, value))
    return str(value)


@register.simple_tag(takes_context=True)
def checkpoint_tabs(context, checkpoint):
    """The pages of one checkpoint as links: [{label, url, on}]."""
    return insides.tabs(checkpoint, context.get("part") or context["page"])


@register.filter
def holders(held):
    """Who holds an open file: `1 fd 3, 7 fd 3`, the first few of them."""
    said = ", ".join(f"{pid} fd {number}" for pid, number, _ in (held or [])[:6])
    return f"{said} and {len(held) - 6:,} more" if held and len(held) > 6 else said


@register.filter
def command_line(process):
    """A process's command line in one line; its name where nobody saw one. What wrote its own title has one word."""
    words = process.get("command") or []
    return (words[0] if len(words) == 1 else shlex.join(words)) or process.get("comm") or "?"


@register.filter
def capabilities(mask):
    """The names of a set that /proc/PID/status writes in hex."""
    return insides.capability_names(mask)
