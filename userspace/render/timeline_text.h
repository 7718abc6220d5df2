// One timeline entry -> one sentence. The machine's word and its details come in; what the
// reader sees goes out, safe for a terminal.
#pragma once

#include "model/incident.h"

#include <string>

namespace pipetrace {

struct EntryText {
    std::string sentence;  ///< "python3[4240] closed its end"
    std::string note;      ///< a fact beside it: "FIN", "ESTABLISHED > CLOSE_WAIT"; or empty
};

/// `entry` is one of the incident's timeline. An event without a sentence of its own is shown
/// as it is, name and details.
EntryText entry_text(const TimelineEntry& entry, const Incident& incident);

/// A line of a log; `names_file` where there are several.
EntryText log_line_text(const LogLine& line, bool names_file);
/// Which logs they are of, how exact their times are and what is missing; empty where no log is followed.
std::string log_note(const Incident& incident);

/// Whose incident it is: process_text(), or "the kernel" where no process had a part in the RST that it sent.
std::string actor_text(const Incident& incident);

/// "python3[4242]", "pid 4242", "a process that could not be named".
std::string process_text(const InvolvedProcess& process);

/// "sendto(fd 3, 5 bytes) = EPIPE".
std::string call_text(const std::string& syscall, std::optional<std::int64_t> fd,
                      std::optional<std::int64_t> bytes);

}  // namespace pipetrace
