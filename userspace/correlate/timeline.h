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

/// sendfile() and splice() move a pipe's fill at a time, and the send that failed is one of these: had an earlier
/// one gone well, the call returned how much (splice_direct_to_actor(), all releases). On a dead socket none does.
bool may_have_moved_some(const FailedCall& first, const SyscallNames& syscall_names);

/// The name of a process as the timeline shows it.
std::string comm_text(const Comm& comm);

}  // namespace pipetrace
