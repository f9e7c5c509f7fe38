"""Bring the catalogues of translations up to what is marked: new texts wait there for their words; and compile them."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from eagateway.documents import catalogues


class Command(BaseCommand):
    help = "Write locale/*/LC_MESSAGES/django.po and .mo from the texts that are marked."

    def handle(self, *args: Any, **options: Any) -> None:
        texts = catalogues.marked()
        for language, _ in settings.LANGUAGES:
            place = catalogues.place(language)
            if language == settings.LANGUAGE_CODE:
                continue
            entries = catalogues.read(place.read_text()) if place.exists() else {}
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(catalogues.written(language, entries, texts))
            kept = [entry for text, entry in entries.items() if text in texts]
            place.with_suffix(".mo").write_bytes(catalogues.compiled(language, kept))
            waiting = sum(text not in entries or not entries[text].whole for text in texts)
            self.stdout.write(
                f"wrote {place.relative_to(settings.BASE_DIR)}: {len(texts)} texts, {waiting} to translate"
            )
