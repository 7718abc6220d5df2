// The columns of a recording that are JSON. Reading trusts nothing: nothing is returned where the text is not
// what writing makes of such a value, but for members that are missing, which keep their default.
#pragma once

#include "model/syscall_names.h"
#include "model/trace_context.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

std::string losses_to_json(const LossCounts& losses);
std::optional<LossCounts> losses_from_json(std::string_view text);

std::string cmdline_to_json(const std::vector<std::string>& cmdline);
std::optional<std::vector<std::string>> cmdline_from_json(std::string_view text);

std::string hooks_to_json(const HookReport& hooks);
std::optional<HookReport> hooks_from_json(std::string_view text);

std::string syscalls_to_json(const SyscallNames& names);
std::optional<SyscallNames> syscalls_from_json(std::string_view text);

std::string totals_to_json(const TraceTotals& totals);
std::optional<TraceTotals> totals_from_json(std::string_view text);

/// The filter, --errors, --idle-after and the tracer of a trace.
std::string settings_to_json(const TraceContext& trace);
bool settings_from_json(std::string_view text, TraceContext& trace);

}  // namespace pipetrace
