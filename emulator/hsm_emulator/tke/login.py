from hsm_emulator.tke import cloud
from hsm_emulator.tke.context import Context


def log_in(context: Context) -> None:
    """Exchange the API key of the workstation for an access token; stands in for the cloud's own login."""
    token = cloud.log_in(context.instance(), context.workstation.apikey(), context.settings.call_seconds)
    context.workstation.keep_token(token)
    context.terminal.say("OK", "Logged in. The access token expires after one hour.")
