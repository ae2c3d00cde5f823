"""What is said to the API of hours in a rota."""


def hours(begin: str, end: str, reason: str = "x", rotation: str = "on_call") -> dict[str, str]:
    return {"rotation": rotation, "starts_at": begin, "ends_at": end, "reason": reason}
