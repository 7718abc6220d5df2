#include "render/json_renderer.h"

#include "model/errno_name.h"
#include "render/json_text.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pipetrace {
namespace {

/// The fields of a process, without braces: a peer has more.
void append_process(JsonText& out, const InvolvedProcess& process) {
    out.first_field("pid", process.tgid);
    out.field("comm", process.comm);
    out.field("ppid", process.parent_tgid);
    out.field("start_time", process.start_time);
    out.field("exe", process.details.exe);
    if (const auto& cmdline = process.details.cmdline) {
        out.array("cmdline", *cmdline, [&](const std::string& word) { out.value(word); });
    } else {
        out += R"(,"cmdline":null)";
    }
    out.field("uid", process.uid);
    out.field("cgroup", process.details.cgroup);
    out.field("container", process.details.container);
    if (process.details.runtime) {
        out.field("runtime", container_runtime_name(*process.details.runtime));
    } else {
        out += R"(,"runtime":null)";
    }
    out.field("outer_container", process.details.outer_container);
    out.field("pod_uid", process.details.pod_uid);
    out.field("unit", process.details.unit);
    out.field("user_unit", process.details.user_unit);
    out.field("ns_pid", process.namespace_tgid);
}

std::optional<std::string_view> state_or_null(TcpState state) {
    if (state == TcpState::kUnknown) return std::nullopt;
    return tcp_state_name(state);
}

void append_endpoint(JsonText& out, const EndpointStory& endpoint) {
    out.key("endpoint");
    out += '{';
    out.first_field("kind", endpoint_kind_name(endpoint.kind));
    out.field("fd", endpoint.fd);
    out.field("local", endpoint.local);
    out.field("remote", endpoint.remote);
    out.field("netns", endpoint.netns);
    out.field("state", state_or_null(endpoint.state));
    out.field("age_us", endpoint.age_us);
    out.field("idle_us", endpoint.idle_us);
    out.field("bytes_sent", endpoint.bytes_sent);
    out.field("bytes_acked", endpoint.bytes_acked);
    out.field("bytes_received", endpoint.bytes_received);
    out.field("rtt_us", endpoint.rtt_us);
    out.field("retransmits", endpoint.retransmits);
    out += '}';
}

void append_errors(JsonText& out, const std::vector<CallError>& errors) {
    out.array("errors", errors, [&](const CallError& error) {
        out += '{';
        out.first_field("errno", errno_name(error.error));
        out.field("syscall", error.syscall);
        out.field("fd", error.fd);
        out.field("tid", error.tid);
        out.field("thread", error.thread);
        out.field("bytes", error.bytes);
        out.field("count", error.count);
        out.field("inferred", error.inferred);
        out += '}';
    });
}

void append_rst(JsonText& out, const std::optional<RstFacts>& rst) {
    out.key("rst");
    if (!rst) {
        out += "null";
        return;
    }
    out += '{';
    out.first_field("direction", rst->received ? "received" : "sent");
    out.field("state", state_or_null(rst->state));
    out.field("why", rst->why);
    out.field("seq", rst->seq);
    out.field("ttl", rst->ttl);
    out.field("handshake_ttl", rst->handshake_ttl);
    out.field("flags", rst->flags);
    out.field("window", rst->window);
    out.field("delay_us", rst->delay_us);
    out += '}';
}

void append_peer(JsonText& out, const std::optional<Peer>& peer) {
    out.key("peer");
    if (!peer) {
        out += "null";
        return;
    }
    out += '{';
    append_process(out, peer->process);
    out.named("action", peer->action, peer_action_name);
    out.field("unread_bytes", peer->unread_bytes);
    out.field("host", peer->host);
    out += '}';
}

void append_verdict(JsonText& out, const Verdict& verdict) {
    out.key("verdict");
    out += '{';
    out.first_field("cause", cause_name(verdict.cause));
    out.field("confidence", confidence_name(verdict.confidence));
    out.field("severity", severity_name(verdict.severity));
    out.field("summary", verdict.summary);
    out.field("advice", verdict.advice);
    out.array("evidence", verdict.evidence, [&](std::size_t index) { out.value(index); });
    out.array("rejected", verdict.rejected, [&](const RejectedCause& rejected) {
        out += '{';
        out.first_field("cause", cause_name(rejected.cause));
        out.field("because", rejected.because);
        out += '}';
    });
    out += '}';
}

void append_timeline(JsonText& out, const Incident& incident) {
    out.array("timeline", incident.timeline, [&](const TimelineEntry& entry) {
        out += '{';
        const bool placed = entry.at.known() && incident.at.known();
        out.first_field("t_us", placed ? microseconds_between(incident.at, entry.at) : 0);
        out.field("event", entry.event);
        out.field("side", side_name(entry.side));
        out.key("detail");
        out += '{';
        bool is_first = true;
        for (const auto& [name, value] : entry.detail) {
            if (!std::exchange(is_first, false)) out += ',';
            out.value(name);
            out += ':';
            std::visit([&out](const auto& held) { out.value(held); }, value);
        }
        if (!entry.time_known) {
            if (!is_first) out += ',';
            out.first_field("read_from_state", true);
        }
        out += "}}";
    });
}

/// In millionths, as a number below 1 without needless digits.
void append_share(JsonText& out, std::uint32_t millionths) {
    std::string digits = std::to_string(millionths);
    digits.insert(0, 6 - std::min<std::size_t>(digits.size(), 6), '0');
    while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
    out += "0.";
    out += digits;
}

void append_sampled(JsonText& out, const Incident& incident) {
    if (!incident.sampled) return;
    out.key("sampled");
    out += R"({"share":)";
    append_share(out, incident.sampled->share_millionths);
    out.field("counted_only", incident.sampled->counted_only);
    out += '}';
}

void append_log(JsonText& out, const Incident& incident) {
    if (!incident.log) return;
    if (!incident.log->is_known) {
        out.key("log");
        out += "null";
        return;
    }
    out.array("log", incident.log->lines, [&](const LogLine& line) {
        out += '{';
        out.first_field("file", line.file);
        out.field("t_us", microseconds_between(incident.at, line.at));
        out.field("line", line.text);
        out.field("late_us", line.late_ns / 1000);
        out.field("cut", line.is_cut);
        out += '}';
    });
    out.field("log_left_out", incident.log->left_out);
    out.field("log_skipped_bytes", incident.log->skipped_bytes);
}

void append_burst(JsonText& out, const std::optional<Burst>& burst) {
    out.key("burst");
    if (!burst) {
        out += "null";
        return;
    }
    out += '{';
    out.first_field("id", burst->id);
    out.field("size", burst->size);
    out.field("window_us", burst->window_us);
    out.field("pattern", burst_pattern_name(burst->pattern));
    out += '}';
}

}  // namespace

JsonRenderer::JsonRenderer(HostIdentity host, ClockOffsets clocks) : clocks_(clocks) {
    JsonText text(host_json_);
    text += '{';
    text.first_field("name", host.name);
    text.field("boot_id", host.boot_id);
    text.field("kernel", host.kernel);
    text += '}';
}

void JsonRenderer::render(const Incident& incident, std::string& line) const {
    JsonText out(line);
    out += R"({"schema":"pipetrace.incident/1")";
    out.field("id", incident.id);
    out.field("revision", incident.revision);
    out.field("time", clocks_.wall(incident.at));
    out.key("host");
    out += host_json_;
    out.field("role", incident.role == Role::kVictim ? "victim" : "origin");
    out.key("process");
    out += '{';
    append_process(out, incident.process);
    out += '}';
    append_endpoint(out, incident.endpoint);
    append_errors(out, incident.errors);
    out.named("sigpipe", incident.sigpipe, sigpipe_fate_name);
    append_rst(out, incident.rst);
    out.named("first_close", incident.first_close, first_close_name);
    append_peer(out, incident.peer);
    append_verdict(out, incident.verdict);
    append_timeline(out, incident);
    append_log(out, incident);
    append_sampled(out, incident);
    out += R"(,"stack":null)";
    out.field("caused_by", incident.caused_by);
    append_burst(out, incident.burst);
    out.field("lost", incident.lost);
    out += "}\n";
}

namespace {

void append_hook_report(JsonText& out, const HookReport& report) {
    const auto text_or_null = [](const std::string& text) {
        return text.empty() ? std::optional<std::string>() : text;
    };
    out += R"({"schema":"pipetrace.doctor/1")";
    out.field("mode", mode_name(report.mode));
    out.field("kernel", report.kernel);
    out.field("hook_count", report.hook_count);
    out.field("missing_count", report.missing_count());
    out.array("observations", report.observations, [&](const ObservationStatus& status) {
        out += '{';
        out.first_field("observation", status.observation);
        out.field("title", status.title);
        out.field("hook", text_or_null(status.hook));
        out.field("complete", status.complete());
        out.field("lost", text_or_null(status.lost));
        out.field("why", text_or_null(status.why));
        out += '}';
    });
    out += "}\n";
}

}  // namespace

std::string hook_report_json(const HookReport& report) {
    std::string line;
    {
        JsonText out(line);
        append_hook_report(out, report);
    }
    return line;
}

}  // namespace pipetrace
