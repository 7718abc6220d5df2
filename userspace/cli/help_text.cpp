// Written by hand, not generated: what belongs together stands together, within 80 columns.
#include "cli/help_text.h"

#ifndef PIPETRACE_VERSION
#define PIPETRACE_VERSION "0 (built without a version)"
#endif

namespace pipetrace {
namespace {

constexpr const char* kUsage =
    R"(Usage: pipetrace [-p PID]... [FILTER]... [OPTION]...
       pipetrace run [FILTER]... [OPTION]... [--] CMD [ARG]...
       pipetrace record [-o FILE] [FILTER]... [OPTION]...
       pipetrace report [FILE]... [FILTER]... [OPTION]...
       pipetrace serve [FILTER]... [OPTION]...
       pipetrace demo | doctor | explain CODE

Explains broken pipes and connection resets: who met them, who closed first,
and why. Without a command it traces the whole system until Ctrl-C.

Commands:
  run           run CMD under trace, its children too
  record        keep incidents, and what is behind them, in a recording
  report        explain recordings: what happened, most serious first
  serve         monitor this host: metrics, a bounded recording, the journal
  demo          make the classic broken pipe on loopback and explain it
  doctor        what this kernel lets pipetrace see, and through which hook
  explain CODE  what a cause, an errno or a fate of SIGPIPE means
)";

constexpr const char* kFiltersTitle = R"(
Whom to trace (the same filter twice: either; different ones: both):
)";

constexpr const char* kProcesses =
    R"(  -p, --pid PID         this process and its children; ends when all are gone
)";

constexpr const char* kFollowing =
    R"(  -f, --follow          follow children (so it does anyway)
      --no-follow       do not
)";

constexpr const char* kFilters =
    R"(      --comm NAME       exact name of the process or of the failing thread
  -u, --user USER       name or uid
      --cgroup PATH     control group
      --container ID    container's id or its first 4 digits or more, name with
                        lxc or nspawn, or a Kubernetes pod's UID
      --port PORT       either end; --local-port PORT, --remote-port PORT: one
      --kind KIND       tcp, unix or pipe
      --errno ERRNO     EPIPE or 32
      --cause CAUSE     write_after_peer_close ...
      --severity SEV    fault, warning or benign
      --origin          also the RSTs that this host sends to others
)";

constexpr const char* kEnding = R"(
When to end:
  -c, --count N         after N incidents
  -d, --duration SECONDS  after that time; fractions allowed
)";

constexpr const char* kOutput = R"(
What to print:
      --json            one JSON object a line, times in UTC
  -o, --output FILE     to FILE instead
  -v, --verbose         evidence and rejected causes as well
  -q, --quiet           no status line and no summary
      --cmdline         full command lines (they may hold secrets)
      --advice FILE     also the advice in FILE, which may stand in for ours
)";

constexpr const char* kLogs =
    R"(      --log FILE        beside each failure, the lines that the program's log
                        took then (repeatable; it may rotate, or come later)
)";

constexpr const char* kProbing = R"(
How to observe:
      --mode MODE       full, kprobe or tracepoint; default: the best there is
      --errors WAY      exact (default): see each failed call itself;
                        inferred: no hook on healthy calls
)";

constexpr const char* kLeavingOut =
    R"(      --without OBSERVATION  leave one out (the names: pipetrace doctor)
)";

constexpr const char* kIdle =
    R"(      --idle-after SECONDS  silence that counts as idle (30)
)";

constexpr const char* kGeneral = R"(
  -h, --help            this text
  -V, --version         version
)";

constexpr const char* kRun = R"(Usage: pipetrace run [FILTER]... [OPTION]... [--] CMD [ARG]...

Runs CMD under trace, its children too. Incidents go to stderr, or to FILE with
-o. CMD keeps its own stdin, stdout and signal settings; everything after CMD
is its own. Exit status: CMD's (128+n for a signal); 125 pipetrace failed, 126
CMD cannot be executed, 127 CMD was not found.

      --run-as USER     run CMD as this user
)";

constexpr const char* kReport = R"(Usage: pipetrace report [FILE]... [FILTER]... [OPTION]...

Explains recordings, as any user and on any machine: a summary, the most
serious first; or one incident in full, JSON, or an HTML page. Verdicts are made
anew from the recorded events. Recordings of several hosts are merged: who met
a reset learns from the other's who sent it. Without FILE it reads what
pipetrace record writes by default.

Which incidents (times as journalctl takes them):
  -S, --since TIME      from then on: '2026-01-02 03:04', yesterday, -2h
  -U, --until TIME      before then
      --id ID           this one, in full; the beginning of its id will do
  -p, --pid PID         of this process
)";

constexpr const char* kReportOutput = R"(
What to print:
      --json            one JSON object a line, times in UTC
      --html OUT        a page for the browser, which needs no network
      --utc             times in UTC, and read as UTC; else local
  -o, --output FILE     to FILE instead
      --advice FILE     also the advice in FILE, which may stand in for ours
  -v, --verbose         evidence and rejected causes as well
  -q, --quiet           no progress, and no notes on stderr
)";

constexpr const char* kRecord = R"(Usage: pipetrace record [-o FILE] [FILTER]... [OPTION]...

Keeps incidents, and the events behind them, in a recording that survives a
crash of this host: until Ctrl-C, in /var/lib/pipetrace/recording.db. Another
trace is added to a recording that is there. Events, and RSTs that this host
sends to others, are kept whatever the filters say.

      --max-size SIZE   of the recording: 500M, 2G (256M); what is oldest goes
      --max-age AGE     likewise: 90s, 30m, 12h, 7d (7d)
      --redact          leave out the paths of executables, and the host part of
                        addresses: hosts of one network are numbered instead
)";

constexpr const char* kRecordOutput = R"(
What to keep:
  -o, --output FILE     in FILE instead
  -v, --verbose         tell more of the start
  -q, --quiet           no status line and no summary
      --cmdline         full command lines (they may hold secrets)
      --advice FILE     also the advice in FILE, which may stand in for ours
)";

constexpr const char* kServe = R"(Usage: pipetrace serve [--metrics ADDR:PORT] [FILTER]... [OPTION]...

Monitors the whole system, for months: metrics for Prometheus, incidents in a
bounded recording and in the journal. Filters choose what is counted and told;
the recording keeps everything.

      --metrics ADDR:PORT  answer Prometheus there (without ADDR: loopback only)
      --recording FILE  keep the recording in FILE (serve.db below
                        /var/lib/pipetrace)
      --max-size SIZE   of the recording: 500M, 2G (256M); what is oldest goes
      --max-age AGE     likewise: 90s, 30m, 12h, 7d (7d)
      --config FILE     options by their long names, a line each; read again at
                        SIGHUP (/etc/pipetrace/pipetrace.conf, if it is there)
)";

constexpr const char* kServeOutput = R"(
What to print:
      --json            one JSON object a line to stdout, times in UTC
  -o, --output FILE     such lines to FILE, which is appended to
      --advice FILE     also the advice in FILE, which may stand in for ours
  -v, --verbose         tell more of the start
  -q, --quiet           no status line and no summary
)";

constexpr const char* kServeProbing = R"(
How to observe:
      --mode MODE       full, kprobe or tracepoint; default: the best there is
      --errors WAY      inferred (default): no hook on healthy calls;
                        exact: see each failed call itself
)";

constexpr const char* kDemo = R"(Usage: pipetrace demo [OPTION]...

Makes the classic broken pipe by itself, on loopback, and explains it.
)";

constexpr const char* kDoctor = R"(Usage: pipetrace doctor [--json] [OPTION]...

Which observations this kernel allows, through which hook, what is lost and
why. Exit status 3 if something is missing.

      --json            as one JSON object
)";

constexpr const char* kExplain = R"(Usage: pipetrace explain CODE

What a cause (close_race), an errno (EPIPE, 104) or a fate of SIGPIPE (killed,
141) means, how it comes about, and what to do.
)";

}  // namespace

std::string help_text(Command command) {
    const std::string common = std::string(kOutput) + kLogs + kProbing + kLeavingOut + kIdle + kGeneral;
    switch (command) {
        case Command::kTrace:
            return std::string(kUsage) + kFiltersTitle + kProcesses + kFollowing + kFilters + kEnding +
                   common;
        case Command::kRun:
            return std::string(kRun) + kFiltersTitle + kFollowing + kFilters + kEnding + common;
        case Command::kRecord:
            return std::string(kRecord) + kFiltersTitle + kProcesses + kFollowing + kFilters + kEnding +
                   kRecordOutput + kProbing + kLeavingOut + kIdle + kGeneral;
        case Command::kServe:
            return std::string(kServe) + kFiltersTitle + kFilters + kEnding + kServeOutput + kServeProbing +
                   kLeavingOut + kIdle + kGeneral;
        case Command::kDemo: return std::string(kDemo) + kOutput + kProbing + kIdle + kGeneral;
        case Command::kReport: return std::string(kReport) + kFilters + kReportOutput + kGeneral;
        case Command::kDoctor: return std::string(kDoctor) + kProbing + kLeavingOut + kGeneral;
        case Command::kExplain: break;
    }
    return std::string(kExplain) + kGeneral;
}

std::string version_text() { return "pipetrace " PIPETRACE_VERSION "\n"; }

}  // namespace pipetrace
