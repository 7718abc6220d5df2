// What the user asked for, validated. Made by cli/, read by app/.
#pragma once

#include "model/endpoint.h"
#include "model/incident.h"
#include "model/ktime.h"
#include "model/recording_limits.h"
#include "model/verdict.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

enum class Command : std::uint8_t { kTrace, kRun, kRecord, kDemo, kDoctor, kExplain, kReport, kServe };
enum class Mode : std::uint8_t { kFull, kKprobe, kTracepoint };
const char* mode_name(Mode mode);

enum class ErrorsMode : std::uint8_t { kExact, kInferred };

/// Which incidents are shown. Values of one list are alternatives; the lists are all required.
struct IncidentFilter {
    std::vector<Tgid> tgids;
    bool follow_children = true;
    std::vector<std::string> comms;  ///< exact, of the process or of a failing thread
    std::vector<std::uint32_t> uids;
    std::vector<std::string> cgroups;
    std::vector<std::string> containers;
    std::vector<std::uint16_t> ports;  ///< either end
    std::vector<std::uint16_t> local_ports;
    std::vector<std::uint16_t> remote_ports;
    std::vector<EndpointKind> kinds;
    std::vector<int> errnos;
    std::vector<Cause> causes;
    std::vector<Severity> severities;
    bool include_origin = false;
    bool all_origins = false;  ///< whatever the lists say

    bool operator==(const IncidentFilter&) const = default;
};

/// Where the monitor listens for those who scrape its metrics.
struct ListenAddress {
    std::string host;  ///< numeric, IPv6 without brackets
    std::uint16_t port = 0;

    bool operator==(const ListenAddress&) const = default;
};
/// "127.0.0.1:9435", "[::1]:9435".
std::string listen_address_text(const ListenAddress& address);

struct Options {
    Command command = Command::kTrace;
    IncidentFilter filter;
    std::optional<Mode> mode;  ///< not set: the best that attaches
    ErrorsMode errors = ErrorsMode::kExact;
    std::vector<std::string> left_out;  ///< observations, by name; whether they exist is not looked at by cli
    std::optional<std::uint64_t> count;
    std::optional<double> duration_seconds;
    std::uint32_t idle_after_seconds = 30;
    bool json = false;
    bool verbose = false;
    bool quiet = false;
    bool cmdline = false;
    std::vector<std::string> advice_paths;  ///< files of rows, besides those that come with the program
    std::optional<std::string> output_path;
    std::vector<std::string> logs;  ///< files of the programs' own
    std::vector<std::string> run_argv;
    std::optional<std::string> run_as;
    RecordingLimits recording_limits;
    bool redact = false;
    std::string explain_code;
    std::vector<std::string> recordings;  ///< of report; none: the one that record writes by default
    std::optional<WallTime> since;
    std::optional<WallTime> until;
    std::optional<std::string> incident_id;
    std::optional<std::string> html_path;
    bool utc = false;
    std::optional<ListenAddress> metrics;       ///< of serve; not set: no listener
    std::optional<std::string> recording_path;  ///< of serve; not set: its default
    std::optional<std::string> config_path;     ///< of serve: the file that was read
    std::string folder;                         ///< of serve: where it was started; empty: not known
    std::vector<std::string> arguments;         ///< of the command line, without the program's name

    bool operator==(const Options&) const = default;
};

}  // namespace pipetrace
