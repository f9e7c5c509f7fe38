from django.apps import AppConfig


class EaGatewayConfig(AppConfig):
    """The wiring: binds the frame handlers of the two apps when Django is up."""

    name = "eagateway"

    def ready(self) -> None:
        from eagateway import checks, routing  # noqa: PLC0415 - the models must be loaded first

        checks.register()
        routing.bind()
