// The timeline of an incident: every event of the story, oldest first.
#pragma once

#include "correlate/story.h"

#include <vector>

namespace pipetrace {

/// `incident` is told but for its timeline.
std::vector<TimelineEntry> timeline_of(const Story& story, const Incident& incident);

/// What became of one SIGPIPE.
SigpipeFate fate_of(const RaisedSigpipe& sigpipe);

/// The write returned a count and raised SIGPIPE all the same (a pipe whose reader left midway).
bool write_succeeded(const RaisedSigpipe& sigpipe);

/// The name of a process as the timeline shows it.
std::string comm_text(const Comm& comm);

}  // namespace pipetrace
