#include "render/json_renderer.h"

#include "model/errno_name.h"
#include "render/json_append.h"

#include <optional>
#include <string_view>
#include <utility>

namespace pipetrace {
namespace {

/// The fields of a process, without braces: a peer has more.
void append_process(std::string& out, const InvolvedProcess& process) {
    append_first_field(out, "pid", process.tgid);
    append_field(out, "comm", process.comm);
    append_field(out, "ppid", process.parent_tgid);
    append_key(out, "start_time");
    if (process.start_time) {
        append_utc_time(out, *process.start_time);
    } else {
        out += "null";
    }
    append_field(out, "exe", process.details.exe);
    if (const auto& cmdline = process.details.cmdline) {
        append_array(out, "cmdline", *cmdline,
                     [&](const std::string& word) { append_json_string(out, word); });
    } else {
        out += R"(,"cmdline":null)";
    }
    append_field(out, "uid", process.uid);
    append_field(out, "cgroup", process.details.cgroup);
    append_field(out, "container", process.details.container);
    append_field(out, "ns_pid", process.namespace_tgid);
}

std::optional<std::string_view> state_or_null(TcpState state) {
    if (state == TcpState::kUnknown) return std::nullopt;
    return tcp_state_name(state);
}

void append_endpoint(std::string& out, const EndpointStory& endpoint) {
    append_key(out, "endpoint");
    out += '{';
    append_first_field(out, "kind", endpoint_kind_name(endpoint.kind));
    append_field(out, "fd", endpoint.fd);
    append_field(out, "local", endpoint.local);
    append_field(out, "remote", endpoint.remote);
    append_field(out, "netns", endpoint.netns);
    append_field(out, "state", state_or_null(endpoint.state));
    append_field(out, "age_us", endpoint.age_us);
    append_field(out, "idle_us", endpoint.idle_us);
    append_field(out, "bytes_sent", endpoint.bytes_sent);
    append_field(out, "bytes_acked", endpoint.bytes_acked);
    append_field(out, "bytes_received", endpoint.bytes_received);
    append_field(out, "rtt_us", endpoint.rtt_us);
    append_field(out, "retransmits", endpoint.retransmits);
    out += '}';
}

void append_errors(std::string& out, const std::vector<CallError>& errors) {
    append_array(out, "errors", errors, [&](const CallError& error) {
        out += '{';
        append_first_field(out, "errno", errno_name(error.error));
        append_field(out, "syscall", error.syscall);
        append_field(out, "fd", error.fd);
        append_field(out, "tid", error.tid);
        append_field(out, "thread", error.thread);
        append_field(out, "bytes", error.bytes);
        append_field(out, "count", error.count);
        append_field(out, "inferred", error.inferred);
        out += '}';
    });
}

void append_rst(std::string& out, const std::optional<RstFacts>& rst) {
    append_key(out, "rst");
    if (!rst) {
        out += "null";
        return;
    }
    out += '{';
    append_first_field(out, "direction", rst->received ? "received" : "sent");
    append_field(out, "state", state_or_null(rst->state));
    append_field(out, "why", rst->why);
    append_field(out, "seq", rst->seq);
    append_field(out, "ttl", rst->ttl);
    append_field(out, "handshake_ttl", rst->handshake_ttl);
    append_field(out, "flags", rst->flags);
    append_field(out, "window", rst->window);
    append_field(out, "delay_us", rst->delay_us);
    out += '}';
}

void append_peer(std::string& out, const std::optional<Peer>& peer) {
    append_key(out, "peer");
    if (!peer) {
        out += "null";
        return;
    }
    out += '{';
    append_process(out, peer->process);
    append_named(out, "action", peer->action, peer_action_name);
    append_field(out, "unread_bytes", peer->unread_bytes);
    append_field(out, "host", peer->host);
    out += '}';
}

void append_verdict(std::string& out, const Verdict& verdict) {
    append_key(out, "verdict");
    out += '{';
    append_first_field(out, "cause", cause_name(verdict.cause));
    append_field(out, "confidence", confidence_name(verdict.confidence));
    append_field(out, "severity", severity_name(verdict.severity));
    append_field(out, "summary", verdict.summary);
    append_field(out, "advice", verdict.advice);
    append_array(out, "evidence", verdict.evidence, [&](std::size_t index) { append_value(out, index); });
    append_array(out, "rejected", verdict.rejected, [&](const RejectedCause& rejected) {
        out += '{';
        append_first_field(out, "cause", cause_name(rejected.cause));
        append_field(out, "because", rejected.because);
        out += '}';
    });
    out += '}';
}

void append_timeline(std::string& out, const Incident& incident) {
    append_array(out, "timeline", incident.timeline, [&](const TimelineEntry& entry) {
        out += '{';
        const bool placed = entry.at.known() && incident.at.known();
        append_first_field(out, "t_us", placed ? microseconds_between(incident.at, entry.at) : 0);
        append_field(out, "event", entry.event);
        append_field(out, "side", side_name(entry.side));
        append_key(out, "detail");
        out += '{';
        bool is_first = true;
        for (const auto& [name, value] : entry.detail) {
            if (!std::exchange(is_first, false)) out += ',';
            append_json_string(out, name);
            out += ':';
            std::visit([&out](const auto& held) { append_value(out, held); }, value);
        }
        if (!entry.time_known) {
            if (!is_first) out += ',';
            append_first_field(out, "read_from_state", true);
        }
        out += "}}";
    });
}

void append_burst(std::string& out, const std::optional<Burst>& burst) {
    append_key(out, "burst");
    if (!burst) {
        out += "null";
        return;
    }
    out += '{';
    append_first_field(out, "id", burst->id);
    append_field(out, "size", burst->size);
    append_field(out, "window_us", burst->window_us);
    append_field(out, "pattern", burst_pattern_name(burst->pattern));
    out += '}';
}

}  // namespace

JsonRenderer::JsonRenderer(HostIdentity host, ClockOffsets clocks) : clocks_(clocks) {
    host_json_ += '{';
    append_first_field(host_json_, "name", host.name);
    append_field(host_json_, "boot_id", host.boot_id);
    append_field(host_json_, "kernel", host.kernel);
    host_json_ += '}';
}

void JsonRenderer::render(const Incident& incident, std::string& out) const {
    out += R"({"schema":"pipetrace.incident/1")";
    append_field(out, "id", incident.id);
    append_field(out, "revision", incident.revision);
    append_key(out, "time");
    append_utc_time(out, clocks_.wall(incident.at));
    append_key(out, "host");
    out += host_json_;
    append_field(out, "role", incident.role == Role::kVictim ? "victim" : "origin");
    append_key(out, "process");
    out += '{';
    append_process(out, incident.process);
    out += '}';
    append_endpoint(out, incident.endpoint);
    append_errors(out, incident.errors);
    append_named(out, "sigpipe", incident.sigpipe, sigpipe_fate_name);
    append_rst(out, incident.rst);
    append_named(out, "first_close", incident.first_close, first_close_name);
    append_peer(out, incident.peer);
    append_verdict(out, incident.verdict);
    append_timeline(out, incident);
    out += R"(,"stack":null)";
    append_field(out, "caused_by", incident.caused_by);
    append_burst(out, incident.burst);
    append_field(out, "lost", incident.lost);
    out += "}\n";
}

std::string hook_report_json(const HookReport& report) {
    const auto text_or_null = [](const std::string& text) {
        return text.empty() ? std::optional<std::string>() : text;
    };
    std::string out = R"({"schema":"pipetrace.doctor/1")";
    append_field(out, "mode", mode_name(report.mode));
    append_field(out, "kernel", report.kernel);
    append_field(out, "hook_count", report.hook_count);
    append_field(out, "missing_count", report.missing_count());
    append_array(out, "observations", report.observations, [&](const ObservationStatus& status) {
        out += '{';
        append_first_field(out, "observation", status.observation);
        append_field(out, "title", status.title);
        append_field(out, "hook", text_or_null(status.hook));
        append_field(out, "complete", status.complete());
        append_field(out, "lost", text_or_null(status.lost));
        append_field(out, "why", text_or_null(status.why));
        out += '}';
    });
    out += "}\n";
    return out;
}

}  // namespace pipetrace
