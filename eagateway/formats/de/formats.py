"""What Django looks up for German: its British formats, all of them."""

from django.conf.locale.en_GB import formats  # type: ignore[import-untyped]

vars().update({name: value for name, value in vars(formats).items() if name.isupper()})
