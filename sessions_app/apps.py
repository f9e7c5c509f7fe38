from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions_app"
    verbose_name = "Sessions"

    def ready(self) -> None:
        """Before the first connection."""
        from sessions_app.models import moments  # noqa: PLC0415 - models are not loaded before

        moments.listen()
