"""What no file of the project may say or be called. No pattern here matches this file itself."""

import re

BANNED_NAME_PARTS = {
    "util", "utils", "common", "helper", "helpers", "manager", "logic", "data", "info",
}

# Causes bear these words; a file about one is named after it.
CAUSE_NAMES = re.compile("unread_data|late_data_after_close")

PHRASES = {
    "names a package registry's host": re.compile(
        r"\b(?:deb|security|snapshot|archive|ftp(?:\.[a-z]+)?|mirror)\.debian\."
        r"|npm(?:js)\.(?:org|com)|node(?:source)\.|py(?:pi)\.org|crates(?:\.)io\b|proxy\.golang\.",
        re.IGNORECASE,
    ),
    "speaks of how the project is made": re.compile(
        r"\bissue (?:#)\d*|\bthe (?:session)\b|\bagent (?:session)|\bhelper (?:agent)|/work/(?:main|shared)",
        re.IGNORECASE,
    ),
    "leaves work undone": re.compile(r"\b(?:TO)(?:DO)\b|\b(?:FIX)(?:ME)\b"),
}


def check_name(path):
    """A complaint about the file's own name, or None."""
    name = CAUSE_NAMES.sub("", path.split("/")[-1])
    banned = BANNED_NAME_PARTS.intersection(re.split(r"[^a-z0-9]+", name.lower()))
    if banned:
        return f"'{sorted(banned)[0]}' in a file name says nothing of what the file does"
    return None


def check_text(text):
    """Yields (line, message) for every banned phrase."""
    for number, line in enumerate(text.splitlines(), 1):
        for complaint, pattern in PHRASES.items():
            match = pattern.search(line)
            if match:
                yield number, f"'{match.group(0)}' {complaint}"
