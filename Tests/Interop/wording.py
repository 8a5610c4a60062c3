"""The messages of the exchange: made here for senders, compared here with what receivers report."""

TAGS = ["TagA", "TagB", "TagC"]
PROPERTY = "colour-цвет"


def text(kind, number):
    """A message as plain values, in several scripts; every twentieth is long enough to be compressed by senders."""
    body = f"{kind} {number}: Привет, 世界, naïve 🚀"
    if number % 20 == 19:
        body += " long" * 4000
    return {"body": body, "tags": TAGS[number % 3], "keys": f"key-{kind}-{number} ключ-{number}", "property": f"синий-藍-{number}"}


def texts(kind, count):
    return [text(kind, number) for number in range(count)]


def by_body(messages):
    return {message["body"]: {key: message[key] for key in ("body", "tags", "keys", "property")} for message in messages}
