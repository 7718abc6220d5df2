#include "advise/advice_facts.h"

#include "model/errno_name.h"
#include "model/incident_row.h"
#include "model/quantity_text.h"

#include <algorithm>

namespace pipetrace {
namespace {

using MaybeNumber = std::optional<std::uint64_t>;
using MaybeText = std::optional<std::string>;

MaybeNumber unacknowledged(const Incident& incident) {
    const EndpointStory& endpoint = incident.endpoint;
    if (!endpoint.bytes_sent || !endpoint.bytes_acked || *endpoint.bytes_acked > *endpoint.bytes_sent) {
        return std::nullopt;
    }
    return *endpoint.bytes_sent - *endpoint.bytes_acked;
}

/// From its opening to the peer's close, or the coming of its FIN where the close was not seen.
MaybeNumber open_until_close(const Incident& incident) {
    Ktime closed = incident.facts.peer_closure.at;
    for (const TimelineEntry& entry : incident.timeline) {
        if (!closed.known() && entry.event == "fin_received" && entry.time_known) closed = entry.at;
    }
    const auto& age = incident.endpoint.age_us;
    if (!age || !closed.known() || closed > incident.at) return std::nullopt;
    const std::uint64_t since_us = (incident.at.ns - closed.ns) / 1000;
    return since_us <= *age ? MaybeNumber(*age - since_us) : std::nullopt;
}

template <typename Number>
MaybeNumber widened(const std::optional<Number>& number) {
    return number ? MaybeNumber(*number) : std::nullopt;
}

/// A connection is of a client where it was seen to be opened and not accepted.
std::string_view side_of(const Incident& incident) {
    if (incident.facts.passive) return "server";
    return incident.facts.was_connected && !incident.facts.older_than_trace ? "client" : "";
}

std::string_view state_of(const Incident& incident) {
    return tcp_state_name(incident.rst ? incident.rst->state : incident.endpoint.state);
}

template <typename Enum>
std::vector<std::string> names_of(const char* (*name_of)(Enum), Enum last) {
    std::vector<std::string> names;
    for (int i = 0; i <= static_cast<int>(last); ++i) names.emplace_back(name_of(static_cast<Enum>(i)));
    std::erase(names, "");
    return names;
}

std::vector<WordFact> facts_of_verdict() {
    return {
        {"role",
         {"victim", "origin"},
         [](const Incident& incident, std::string_view word) {
             return (incident.role == Role::kVictim ? "victim" : "origin") == word;
         }},
        {"severity", names_of(severity_name, Severity::kFault),
         [](const Incident& incident, std::string_view word) {
             return severity_name(incident.verdict.severity) == word;
         }},
        {"confidence", names_of(confidence_name, Confidence::kCertain),
         [](const Incident& incident, std::string_view word) {
             return confidence_name(incident.verdict.confidence) == word;
         }},
        {"caused",
         {"yes", "no"},
         [](const Incident& incident, std::string_view word) {
             return (incident.caused_by ? "yes" : "no") == word;
         }},
    };
}

std::vector<WordFact> facts_of_socket() {
    return {
        {"kind", names_of(endpoint_kind_name, EndpointKind::kPipe),
         [](const Incident& incident, std::string_view word) {
             return endpoint_kind_name(incident.endpoint.kind) == word;
         }},
        {"side",
         {"client", "server"},
         [](const Incident& incident, std::string_view word) { return side_of(incident) == word; }},
        {"state", names_of(tcp_state_name, TcpState::kNewSynRecv),
         [](const Incident& incident, std::string_view word) { return state_of(incident) == word; }},
        {"sigpipe", names_of(sigpipe_fate_name, SigpipeFate::kKilled),
         [](const Incident& incident, std::string_view word) {
             return incident.sigpipe && sigpipe_fate_name(*incident.sigpipe) == word;
         }},
        {"syscall",
         {},
         [](const Incident& incident, std::string_view word) {
             return std::any_of(incident.errors.begin(), incident.errors.end(),
                                [&](const CallError& error) { return error.syscall == word; });
         }},
        {"errno",
         {},
         [](const Incident& incident, std::string_view word) {
             const std::optional<int> wanted = errno_from_text(word);
             return std::any_of(incident.errors.begin(), incident.errors.end(),
                                [&](const CallError& error) { return error.error == wanted; });
         }},
    };
}

std::vector<WordFact> facts_of_peer() {
    return {
        {"first_close", names_of(first_close_name, FirstClose::kNone),
         [](const Incident& incident, std::string_view word) {
             return incident.first_close && first_close_name(*incident.first_close) == word;
         }},
        {"peer_action", names_of(peer_action_name, PeerAction::kNone),
         [](const Incident& incident, std::string_view word) {
             return incident.peer && incident.peer->action &&
                    peer_action_name(*incident.peer->action) == word;
         }},
        {"signal",
         {},
         [](const Incident& incident, std::string_view word) {
             const bool is_known = incident.peer && incident.peer->killed_by_signal;
             return is_known && signal_text(*incident.peer->killed_by_signal) == word;
         }},
        {"oom",
         {"yes", "no"},
         [](const Incident& incident, std::string_view word) {
             const Closure& closure = incident.facts.peer_closure;
             return closure.known() && (closure.oom ? "yes" : "no") == word;
         }},
    };
}

std::vector<WordFact> make_word_facts() {
    std::vector<WordFact> all = facts_of_verdict();
    for (std::vector<WordFact> more : {facts_of_socket(), facts_of_peer()}) {
        all.insert(all.end(), more.begin(), more.end());
    }
    return all;
}

constexpr NumberFact kNumberFacts[] = {
    {"idle", Unit::kMicroseconds, [](const Incident& incident) { return incident.endpoint.idle_us; }},
    {"open", Unit::kMicroseconds, open_until_close},
    {"age", Unit::kMicroseconds, [](const Incident& incident) { return incident.endpoint.age_us; }},
    {"rtt", Unit::kMicroseconds, [](const Incident& incident) { return widened(incident.endpoint.rtt_us); }},
    {"sent", Unit::kBytes, [](const Incident& incident) { return incident.endpoint.bytes_sent; }},
    {"acked", Unit::kBytes, [](const Incident& incident) { return incident.endpoint.bytes_acked; }},
    {"unacked", Unit::kBytes, unacknowledged},
    {"received", Unit::kBytes, [](const Incident& incident) { return incident.endpoint.bytes_received; }},
    {"unread", Unit::kBytes,
     [](const Incident& incident) {
         return incident.peer ? widened(incident.peer->unread_bytes) : std::nullopt;
     }},
    {"unread_here", Unit::kBytes,
     [](const Incident& incident) {
         const auto& socket = incident.facts.at_error;
         return socket ? MaybeNumber(socket->unread_bytes) : std::nullopt;
     }},
    {"retransmits", Unit::kCount,
     [](const Incident& incident) { return widened(incident.endpoint.retransmits); }},
    {"local_port", Unit::kCount,
     [](const Incident& incident) { return widened(port_of(incident.endpoint.local)); }},
    {"remote_port", Unit::kCount,
     [](const Incident& incident) { return widened(port_of(incident.endpoint.remote)); }},
};

MaybeText process_text(const InvolvedProcess& process) {
    if (!process.comm || !process.tgid) return std::nullopt;
    return *process.comm + "[" + std::to_string(*process.tgid) + "]";
}

/// The first of the errors that has it.
template <typename Get>
MaybeText first_of_errors(const Incident& incident, Get get) {
    for (const CallError& error : incident.errors) {
        if (const MaybeText text = get(error)) return text;
    }
    return std::nullopt;
}

constexpr TextFact kTextFacts[] = {
    {"process", [](const Incident& incident) { return process_text(incident.process); }},
    {"peer",
     [](const Incident& incident) {
         const MaybeText named = incident.peer ? process_text(incident.peer->process) : std::nullopt;
         return named ? named : incident.endpoint.remote;
     }},
    {"local", [](const Incident& incident) { return incident.endpoint.local; }},
    {"remote", [](const Incident& incident) { return incident.endpoint.remote; }},
    {"errno",
     [](const Incident& incident) {
         return first_of_errors(incident, [](const CallError& e) { return MaybeText(errno_name(e.error)); });
     }},
    {"syscall",
     [](const Incident& incident) {
         return first_of_errors(incident, [](const CallError& error) { return error.syscall; });
     }},
    {"thread",
     [](const Incident& incident) {
         return first_of_errors(incident, [](const CallError& error) { return error.thread; });
     }},
    {"signal",
     [](const Incident& incident) {
         const bool is_known = incident.peer && incident.peer->killed_by_signal;
         return is_known ? MaybeText(signal_text(*incident.peer->killed_by_signal)) : std::nullopt;
     }},
};

}  // namespace

std::span<const NumberFact> number_facts() { return kNumberFacts; }

std::span<const WordFact> word_facts() {
    static const std::vector<WordFact> facts = make_word_facts();
    return facts;
}

std::span<const TextFact> text_facts() { return kTextFacts; }

std::optional<std::string> number_text(const NumberFact& fact, const Incident& incident) {
    const MaybeNumber value = fact.value(incident);
    if (!value) return std::nullopt;
    switch (fact.unit) {
        case Unit::kMicroseconds: return duration_text(*value);
        case Unit::kBytes: return *value == 1 ? "1 byte" : size_text(*value);
        case Unit::kCount: break;
    }
    return std::to_string(*value);
}

std::optional<std::uint16_t> port_of(const std::optional<std::string>& address) {
    const auto port = port_of_address(address);
    return port && *port != 0 ? port : std::nullopt;
}

}  // namespace pipetrace
