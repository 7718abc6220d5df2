// Phrases that several rules share: who, how long, how much.
#pragma once

#include "model/incident.h"

#include <string>

namespace pipetrace {

/// "python3[4242]", or "the program" where nobody is known.
std::string victim_name(const Incident& incident);

/// " on db1", where the peer is on another host whose recording shows it; else "".
std::string on_host(const Incident& incident);

/// "python3[4240]", "python3[4240] on db1", or "the peer 10.0.0.7:443", or "the reader".
std::string peer_name(const Incident& incident);

/// " 1.0 s earlier" before the failure, or "" where the time is not known.
std::string earlier_text(const Incident& incident, Ktime then);

/// "SIGTERM", "the OOM killer (SIGKILL)".
std::string killer_text(const Closure& closure);

/// Where to look for what killed the peer, by the signal.
std::string killer_advice(const Incident& incident);

/// What the program was told: "EPIPE from sendto", or "nothing".
std::string told_text(const Incident& incident);

/// What to do about the SIGPIPE of this incident, "" if it needs nothing.
std::string sigpipe_advice(const Incident& incident);

}  // namespace pipetrace
