"""How passwords of people are stored: argon2id with the keys' parameters, in the keys' pool."""

from django.contrib.auth.hashers import Argon2PasswordHasher

from sessions_app.auth import hashing


class PooledPasswordHasher(Argon2PasswordHasher):
    """The library's default takes 100 MiB and eight lanes in the request's own thread: forty strangers took 3.5 GB.

    A hash of other parameters is still verified, and replaced when its owner signs in.
    """

    time_cost = hashing.hasher.time_cost
    memory_cost = hashing.hasher.memory_cost
    parallelism = hashing.hasher.parallelism

    def encode(self, password: str, salt: str) -> str:
        return hashing.in_turn(super().encode, password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        return hashing.in_turn(super().verify, password, encoded)
