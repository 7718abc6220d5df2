// In the order of enum pt_record_kind.
#include "source/record_kind_name.h"

#include "pipetrace_abi.h"

#include <iterator>

namespace pipetrace {
namespace {

constexpr const char* kNames[] = {
    nullptr,          "reset_received",     "reset_sent",        "error_raised",
    "call_failed",    "sigpipe_generated",  "sigpipe_delivered", "endpoint_remembered",
    "state_changed",  "endpoint_destroyed", "failures_counted",  "other_end_seen",
    "process_forked", "process_executed",   "process_exited",    "packet_filtered",
    "unix_named",     "sampling_changed",
};
static_assert(std::size(kNames) == PT_RECORD_KIND_COUNT);

}  // namespace

const char* record_kind_name(unsigned kind) {
    return kind < std::size(kNames) ? kNames[kind] : nullptr;
}

}  // namespace pipetrace
