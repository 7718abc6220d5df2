// The incident in one line: who met what, and on which endpoint.
#pragma once

#include "model/incident.h"

#include <string>
#include <vector>

namespace pipetrace {

/// "sendto(fd 3) = EPIPE, SIGPIPE ignored"; where no program was told, that.
std::string outcome_text(const Incident& incident);

/// The same, without the calls: "EPIPE, SIGPIPE ignored".
std::string short_outcome_text(const Incident& incident);

/// "127.0.0.1:50870 > 127.0.0.1:2222   up 1.003 s", "idle 1.001 s" ...: for one line, or several.
std::vector<std::string> endpoint_items(const EndpointStory& endpoint);

}  // namespace pipetrace
