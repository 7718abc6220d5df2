#include "render/timeline_text.h"

#include "model/quantity_text.h"
#include "render/entry_details.h"
#include "render/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace pipetrace {
namespace {

/// What every sentence may be made from.
struct EntryContext {
    const TimelineEntry& entry;
    const Incident& incident;
    EntryDetails detail;
};

std::string name_and_tgid(const std::string& comm, std::optional<std::int64_t> tgid) {
    if (comm.empty()) return tgid ? fmt::format("pid {}", *tgid) : std::string();
    return tgid ? fmt::format("{}[{}]", comm, *tgid) : comm;
}

/// Who acted: as the entry names it, else as the side allows.
std::string actor(const EntryContext& context) {
    const std::string named = name_and_tgid(context.detail.text("comm"), context.detail.number("pid"));
    if (!named.empty()) return named;
    if (context.entry.side == Side::kLocal) return process_text(context.incident.process);
    return context.entry.side == Side::kPeer ? "the peer" : "the network";
}

std::string thread_note(const EntryContext& context) {
    const std::string thread = context.detail.text("thread");
    const auto tid = context.detail.number("tid");
    const InvolvedProcess& process = context.incident.process;
    const bool main_thread = tid && process.tgid && *tid == *process.tgid;
    if (main_thread || (thread.empty() && !tid)) return {};
    return "thread " + name_and_tgid(thread, tid);
}

std::string join_notes(std::string first, const std::string& second) {
    if (!first.empty() && !second.empty()) first += ", ";
    return first + second;
}

/// `text` after `before`, or nothing.
std::string with(const char* before, const std::string& text) {
    return text.empty() ? std::string() : before + text;
}

const char* own_end(const EntryContext& context) {
    if (context.incident.endpoint.kind != EndpointKind::kPipe) return "its end";
    return context.entry.side == Side::kPeer ? "the read end" : "the write end";
}

EntryText connected(const EntryContext& context) {
    const std::string role = context.detail.text("role");
    return {role == "passive" ? "connection accepted" : "connected", ""};
}

EntryText fin_received(const EntryContext& context) { return {"FIN received", context.detail.text("state")}; }

EntryText fin_sent(const EntryContext& context) { return {"FIN sent", context.detail.text("state")}; }

EntryText closed(const EntryContext& context) {
    const EntryDetails& detail = context.detail;
    const std::string action = detail.text("action");
    const std::string signal = detail.signal("signal");
    std::string did = fmt::format("closed {}", own_end(context));
    if (action == "shutdown") did = "shut down its sending side";
    if (action == "exit") did = fmt::format("exited, which closed {}", own_end(context));
    if (action == "killed") {
        did = fmt::format("was killed{}, which closed {}", with(" by ", signal), own_end(context));
    }
    if (detail.denied("accepted")) did = "closed its listener before it accepted";
    if (action == "abort" && !detail.flag("linger_zero")) did = "aborted the connection";
    if (detail.flag("linger_zero")) did += " with SO_LINGER 0";
    const auto unread = detail.number("unread_bytes");
    if (unread && *unread > 0) {
        did +=
            fmt::format("{} {} unread", detail.flag("linger_zero") ? "," : " with", byte_count_text(*unread));
    }
    return {actor(context) + " " + did, detail.text("via")};
}

EntryText shut_down(const EntryContext& context) {
    const bool receiving = context.detail.text("direction") == "receiving";
    return {actor(context) + " shut down its " + (receiving ? "receiving" : "sending") + " side",
            context.detail.text("via")};
}

EntryText data_sent(const EntryContext& context) {
    const EntryDetails& detail = context.detail;
    const auto bytes = detail.number("bytes");
    const std::string state = detail.text("state");
    std::string sentence = (bytes ? byte_count_text(*bytes) : "data") + " sent";
    if (detail.flag("again")) sentence += " again";
    if (detail.text("answered") == "RST") {
        // In CLOSE_WAIT the peer had closed already: there was nobody to read it.
        const auto& rst = context.incident.rst;
        const bool closed_before = state == "CLOSE_WAIT" || (rst && rst->state == TcpState::kCloseWait);
        sentence += closed_before ? ", to nobody" : ", answered with RST";
    }
    if (detail.text("source") == "socket") return {sentence, "(by the socket's own clock)"};
    return {sentence, state};
}

/// What about a RST's packet does not fit the peer that had sent the handshake.
std::string oddities(const EntryContext& context) {
    const auto ttl = context.detail.number("ttl");
    const auto usual = context.detail.number("handshake_ttl");
    const auto delay = context.detail.number("delay_us");
    const auto rtt = context.detail.number("rtt_us");
    std::string notes;
    if (ttl && usual && *ttl != *usual) notes = fmt::format("TTL {}, the handshake's {}", *ttl, *usual);
    constexpr std::int64_t kRttUsMin = 2'000;  // below, timers and softirqs blur it
    if (!delay || !rtt || *rtt < kRttUsMin || *delay * 2 >= *rtt) return notes;
    const auto text = [](std::int64_t us) { return duration_text(static_cast<std::uint64_t>(us)); };
    return join_notes(std::move(notes), fmt::format("after {}, a round trip takes {}", text(*delay), text(*rtt)));
}

EntryText rst_received(const EntryContext& context) {
    const auto& timeline = context.incident.timeline;
    const bool answers_data = std::any_of(timeline.begin(), timeline.end(), [](const auto& entry) {
        return entry.event == "data_sent" && EntryDetails(entry).text("answered") == "RST";
    });
    const std::string state = context.detail.text("state");
    std::string sentence = "RST received" + with(" in ", state);
    if (state == "SYN_SENT") {
        sentence += ", refuses the connection";
    } else if (answers_data) {
        sentence += ", answers our data";
    }
    return {sentence, join_notes(with("pending error ", context.detail.error("errno")), oddities(context))};
}

EntryText rst_sent(const EntryContext& context) {
    const auto found = context.entry.detail.find("active");
    std::string sentence = "RST sent" + with(" in ", context.detail.text("state"));
    if (found != context.entry.detail.end()) {
        const bool active = context.detail.flag("active");
        sentence += active ? " to abort the connection" : " in answer to a segment";
    }
    const auto count = context.detail.number("count");
    if (count && *count > 1) sentence += fmt::format(", {} times", *count);
    return {sentence, context.detail.text("reason")};
}

EntryText segment_received(const EntryContext& context) {
    const std::string flags = context.detail.text("flags");
    const auto bytes = context.detail.number("bytes");
    if (bytes && *bytes > 0) return {byte_count_text(*bytes) + " received", flags};
    return {flags.empty() ? "a segment received" : flags + " received", ""};
}

EntryText error_raised(const EntryContext& context) {
    const std::string error = context.detail.error("errno");
    const auto rst = context.entry.detail.find("rst");
    const bool without_rst = rst != context.entry.detail.end() && !context.detail.flag("rst");
    return {"error pending on the socket" + with(": ", error), without_rst ? "no RST came" : ""};
}

EntryText packet_filtered(const EntryContext& context) {
    const auto count = context.detail.number("count").value_or(1);
    return {count == 1 ? std::string("a packet filter of this host dropped a segment")
                       : fmt::format("a packet filter of this host dropped {} segments, the last here", count),
            ""};
}

EntryText call_failed(const EntryContext& context) {
    const EntryDetails& detail = context.detail;
    const std::string error = detail.error("errno");
    std::string sentence = call_text(detail.text("syscall"), detail.number("fd"), detail.number("bytes"));
    sentence += error.empty() ? " failed" : " = " + error;
    const auto count = detail.number("count");
    if (count && *count > 1) sentence += fmt::format(", {} times", *count);
    return {sentence, join_notes(thread_note(context), detail.flag("inferred") ? "inferred" : "")};
}

EntryText call_succeeded(const EntryContext& context) {
    const EntryDetails& detail = context.detail;
    return {call_text(detail.text("syscall"), detail.number("fd"), detail.number("bytes")) + " succeeded",
            thread_note(context)};
}

EntryText sigpipe_generated(const EntryContext& context) {
    std::string fate = context.detail.text("fate");
    if (fate == "killed") fate = "which kills the process";
    if (fate == "handled") fate = "for its handler";
    return {"SIGPIPE generated" + with(", ", fate), thread_note(context)};
}

EntryText sigpipe_delivered(const EntryContext& context) {
    const std::string disposition = context.detail.text("disposition");
    std::string sentence = "SIGPIPE delivered";
    if (disposition == "default" || disposition == "kills") sentence += ", ends the process";
    if (disposition == "handler") sentence += " to its handler";
    if (disposition == "ignore") sentence += ", ignored";
    return {sentence, thread_note(context)};
}

EntryText process_exited(const EntryContext& context) {
    const std::string signal = context.detail.signal("signal");
    const auto status = context.detail.number("status");
    if (!signal.empty()) return {fmt::format("{} was killed by {}", actor(context), signal), ""};
    return {actor(context) + " exited" + (status ? fmt::format(" with status {}", *status) : ""), ""};
}

EntryText state_changed(const EntryContext& context) {
    const std::string from = context.detail.text("from");
    const std::string to = context.detail.text("to");
    return {"state changed", from.empty() || to.empty() ? from + to : from + " > " + to};
}

EntryText endpoint_destroyed(const EntryContext& context) {
    const std::string error = context.detail.error("errno");
    return {"socket gone" + (error.empty() ? "" : ", nobody was told of its " + error), ""};
}

struct Sentence {
    std::string_view event;
    EntryText (*make)(const EntryContext&);
};
constexpr Sentence kSentences[] = {
    {"connected", connected},
    {"fin_received", fin_received},
    {"fin_sent", fin_sent},
    {"closed", closed},
    {"shut_down", shut_down},
    {"data_sent", data_sent},
    {"rst_received", rst_received},
    {"rst_sent", rst_sent},
    {"segment_received", segment_received},
    {"error_raised", error_raised},
    {"packet_filtered", packet_filtered},
    {"call_failed", call_failed},
    {"call_succeeded", call_succeeded},
    {"sigpipe_generated", sigpipe_generated},
    {"sigpipe_delivered", sigpipe_delivered},
    {"process_exited", process_exited},
    {"state_changed", state_changed},
    {"endpoint_destroyed", endpoint_destroyed},
};

EntryText as_it_is(const TimelineEntry& entry) {
    std::string details;
    for (const auto& [name, value] : entry.detail) {
        details += with(details.empty() ? "" : ", ", terminal_safe(name) + " " + plain_value(value));
    }
    return {terminal_safe(entry.event), details};
}

}  // namespace

EntryText entry_text(const TimelineEntry& entry, const Incident& incident) {
    const auto* found = std::find_if(std::begin(kSentences), std::end(kSentences),
                                     [&](const Sentence& known) { return known.event == entry.event; });
    EntryText text = found == std::end(kSentences)
                         ? as_it_is(entry)
                         : found->make(EntryContext{entry, incident, EntryDetails(entry)});
    const bool own_clock = EntryDetails(entry).text("source") == "socket";
    if (!entry.time_known && !own_clock) text.note = "(before the trace; read from the socket's state)";
    return text;
}

std::string actor_text(const Incident& incident) {
    const bool by_kernel = incident.role == Role::kOrigin && !incident.process.tgid;
    return by_kernel ? "the kernel" : process_text(incident.process);
}

std::string process_text(const InvolvedProcess& process) {
    const std::string comm = terminal_safe(process.comm.value_or(""));
    const std::string named =
        name_and_tgid(comm, process.tgid ? std::optional<std::int64_t>(*process.tgid) : std::nullopt);
    return named.empty() ? "a process that could not be named" : named;
}

std::string call_text(const std::string& syscall, std::optional<std::int64_t> fd,
                      std::optional<std::int64_t> bytes) {
    std::string arguments = fd ? fmt::format("fd {}", *fd) : "";
    if (bytes) arguments += (arguments.empty() ? "" : ", ") + byte_count_text(*bytes);
    const std::string name = syscall.empty() ? "a call" : terminal_safe(syscall);
    if (syscall.empty() && arguments.empty()) return name;
    return fmt::format("{}({})", name, arguments);
}

}  // namespace pipetrace
