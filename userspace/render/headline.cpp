#include "render/headline.h"

#include "model/errno_name.h"
#include "model/quantity_text.h"
#include "render/timeline_text.h"
#include "render/utf8.h"

#include <fmt/format.h>

#include <algorithm>

namespace pipetrace {
namespace {

constexpr std::size_t kErrorsShownMax = 3;

std::string times(const CallError& error) {
    return error.count > 1 ? fmt::format(" ({} times)", error.count) : "";
}

std::string fate_text(const Incident& incident) {
    switch (incident.sigpipe.value_or(SigpipeFate::kNone)) {
        case SigpipeFate::kNone: return {};
        case SigpipeFate::kKilled: return "killed by SIGPIPE";
        case SigpipeFate::kSuppressed:
        case SigpipeFate::kIgnored:
        case SigpipeFate::kBlocked:
        case SigpipeFate::kHandled: break;
    }
    return std::string("SIGPIPE ") + sigpipe_fate_name(*incident.sigpipe);
}

/// For an incident of which no call and no signal tells.
std::string untold_text(const Incident& incident) {
    if (!incident.rst) return "no program was told";
    const std::string state = tcp_state_name(incident.rst->state);
    const std::string where = state.empty() ? "" : " in " + state;
    if (incident.role == Role::kOrigin) return "RST sent" + where;
    const char* direction = incident.rst->received ? "received" : "sent";
    return fmt::format("RST {}{}, no program was told", direction, where);
}

/// Below 10,000 the unit is the one just named.
std::string acknowledged_text(std::uint64_t bytes) {
    return bytes < 10000 ? std::to_string(bytes) : size_text(bytes);
}

std::string with_fate(std::string errors, const Incident& incident) {
    const std::string fate = fate_text(incident);
    if (errors.empty() && fate.empty()) return untold_text(incident);
    if (!errors.empty() && !fate.empty()) errors += ", ";
    return errors + fate;
}

}  // namespace

std::string outcome_text(const Incident& incident) {
    std::string errors;
    const std::size_t shown = std::min(incident.errors.size(), kErrorsShownMax);
    for (std::size_t i = 0; i < shown; ++i) {
        const CallError& error = incident.errors[i];
        const std::optional<std::int64_t> fd =
            error.fd ? std::optional<std::int64_t>(*error.fd) : std::nullopt;
        errors += i == 0 ? "" : ", then ";
        errors += call_text(error.syscall.value_or(""), fd, std::nullopt);
        errors += " = " + errno_name(error.error) + times(error);
    }
    if (incident.errors.size() > shown) {
        errors += fmt::format(", and {} more", incident.errors.size() - shown);
    }
    return with_fate(errors, incident);
}

std::string short_outcome_text(const Incident& incident) {
    std::string errors;
    for (std::size_t i = 0; i < std::min(incident.errors.size(), kErrorsShownMax); ++i) {
        errors += i == 0 ? "" : ", ";
        errors += errno_name(incident.errors[i].error);
    }
    return with_fate(errors, incident);
}

std::vector<std::string> endpoint_items(const EndpointStory& endpoint) {
    std::vector<std::string> items;
    std::string ends = terminal_safe(endpoint.local.value_or(""));
    if (endpoint.remote) ends += (ends.empty() ? "? > " : " > ") + terminal_safe(*endpoint.remote);
    if (ends.empty() && endpoint.kind == EndpointKind::kUnix) ends = "unix socket without a name";
    if (!ends.empty()) items.push_back(ends);
    if (endpoint.age_us) items.push_back("up " + duration_text(*endpoint.age_us));
    if (endpoint.idle_us) items.push_back("idle " + duration_text(*endpoint.idle_us));
    if (endpoint.bytes_sent) {
        std::string sent = "sent " + size_text(*endpoint.bytes_sent);
        const bool partly = endpoint.bytes_acked && *endpoint.bytes_acked != *endpoint.bytes_sent;
        if (partly) sent += " (" + acknowledged_text(*endpoint.bytes_acked) + " acknowledged)";
        items.push_back(sent);
    }
    if (endpoint.bytes_received) items.push_back("received " + size_text(*endpoint.bytes_received));
    return items;
}

}  // namespace pipetrace
