"""`/console/settings`."""

from collections.abc import Sequence

from attrs import frozen
from markupsafe import Markup

from trioworq.config import OPTIONS, Config, Option
from trioworq.web.console.desk import Desk
from trioworq.web.console.settings.prose import prose
from trioworq.web.messages import Request, Response, Route, Scope
from trioworq.web.replies import CONSOLE


def routes(desk: Desk) -> tuple[Route, ...]:
    """Return the route."""
    return (Route("GET", f"{CONSOLE}/settings", _Settings(desk).show, Scope.READ),)


@frozen
class _Setting:
    """An option as it is in force; secrets are masked."""

    option: Option
    value: str
    default: str
    is_set: bool
    about: Markup


@frozen
class _Settings:
    """The page."""

    _desk: Desk

    async def show(self, request: Request) -> Response:
        """Answer with the options that have a text, all or those that were set."""
        text, is_set = request.query.get("text", ""), "set" in request.query
        settings = _settings(self._desk.config)
        wanted = text.strip().casefold()
        return self._desk.page(
            request,
            "settings/settings.html",
            title="Settings",
            settings=[each for each in settings if _has(each, wanted) and (each.is_set or not is_set)],
            text=text,
            is_set=is_set,
            total=len(settings),
        )


def _settings(config: Config) -> Sequence[_Setting]:
    shown = config.shown()
    return [
        _Setting(
            option,
            shown[option.name],
            option.show(option.default),
            getattr(config, option.name) != option.default,
            prose(option.about),
        )
        for option in OPTIONS
    ]


def _has(setting: _Setting, text: str) -> bool:
    """Whether a text, or an option's name in any of its spellings, is in what is shown."""
    option = setting.option
    said = (option.flag, *option.variables, setting.value, option.about)
    return any(text in each.casefold() for each in said) or text.replace("-", "_") in option.name
