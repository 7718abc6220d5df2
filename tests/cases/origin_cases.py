"""The cases in which this host sends the RST, to a peer that is no socket of its own."""
from case import Case


def origin(name, variant, cause, **changes):
    """This kernel resets a connection to a peer of which no socket is known here."""
    values = dict(program="stranger", arguments=("--variant", variant), cause=(cause,), role="origin",
                  severity=("warning",), rst="ESTABLISHED", first_close=("local",), peer=None, flags="RST|ACK",
                  timeline=("closed", "rst_sent"))
    values.update(changes)
    return Case(name, **values)


def answer(name, variant, cause, **changes):
    """The RST answers a segment."""
    values = dict(rst=None, flags="RST", timeline=("segment_received", "rst_sent"))
    values.update(changes)
    return origin(name, variant, cause, **values)


ORIGINS = [
    origin("origin_unread", "unread", "closed_with_unread_data"),
    # Nothing was sent on it, so it may be told as a health check.
    origin("origin_linger0", "linger0", "abortive_close", severity=("warning", "benign")),
    origin("origin_disconnect", "disconnect", "abortive_close", severity=("warning", "benign")),
    origin("origin_listener", "listener", "abortive_close"),
    answer("origin_late", "late", "late_data_after_close", severity=("benign",), rst="TIME_WAIT",
           timeline=("closed", "segment_received", "rst_sent")),
    # The peer had closed first, so that no TIME_WAIT is left: the addresses alone tell whose it was.
    answer("origin_gone", "gone", "late_data_after_close", severity=("benign",), confidence=("likely",),
           first_close=("peer",), timeline=("fin_received", "closed", "segment_received", "rst_sent")),
    answer("origin_syn", "syn", "no_socket", nobody=True, first_close=("none",), flags="RST|ACK"),
    answer("origin_stray", "stray", "no_socket", nobody=True, first_close=(None,)),
]
