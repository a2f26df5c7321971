"""What a visitor of the console may do."""

from attrs import frozen

from trioworq.config import Config, Console
from trioworq.web.messages import Request, Scope


@frozen
class Rights:
    """What pages have controls for; routes are guarded by themselves."""

    can_see: bool
    can_change: bool
    can_push: bool


def rights_of(request: Request, config: Config) -> Rights:
    """Return what the client's token, and the option `console`, allow."""
    is_on = config.console is Console.ON
    return Rights(
        can_see=Scope.READ in request.scopes,
        can_change=is_on and Scope.ADMIN in request.scopes,
        can_push=is_on and Scope.PUSH in request.scopes,
    )
