#include "loss_order.h"

#include "model/errno_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

namespace pipetrace::testing {
namespace {

bool is_one_of(Cause cause, std::initializer_list<Cause> causes) {
    return std::find(causes.begin(), causes.end(), cause) != causes.end();
}

bool had_fin_before_the_write(const Incident& truth) {
    return truth.facts.fin_received && truth.rst && truth.rst->state == TcpState::kCloseWait &&
           truth.facts.sent_after_fin != false;
}

/// Of one process and endpoint: the last revision of each of its incidents.
std::vector<const Told*> final_ones(const std::vector<const Told*>& all) {
    std::map<std::string, const Told*> last;
    for (const Told* told : all) last[told->incident.id] = told;
    std::vector<const Told*> finals;
    for (const auto& [id, told] : last) finals.push_back(told);
    return finals;
}

/// Ids begin with the time, which may be another where the first record is lost: what follows is the endpoint
/// and the process.
std::string key_of(const std::string& id) {
    const std::string key = id.substr(id.find('-') + 1);
    return key.substr(key.find('-') + 1);
}
std::string key_of(const Incident& incident) { return key_of(incident.id); }

std::string endpoint_of(const Incident& incident) {
    const std::string key = key_of(incident);
    return key.substr(0, key.find('-'));
}

/// The truths of the same process and endpoint, as far as they are known.
std::vector<const Incident*> truths_of(const PlacedStory& story, const Incident& incident) {
    std::vector<const Incident*> truths;
    for (const Told& truth : story.truth) {
        const bool same = incident.process.tgid ? key_of(truth.incident) == key_of(incident)
                                                : endpoint_of(truth.incident) == endpoint_of(incident);
        if (same) truths.push_back(&truth.incident);
    }
    return truths;
}

class Judge {
public:
    explicit Judge(const PlacedStory& story) : story_(story), processes_(story.processes()) {}

    void judge(const Incident& incident, const std::vector<const Incident*>& truths) {
        incident_ = &incident;
        expect_one(truths, "cause", cause_name(incident.verdict.cause),
                   [&](const Incident& truth) { return is_weaker(incident.verdict.cause, truth); });
        expect_one(truths, "sigpipe", incident.sigpipe ? sigpipe_fate_name(*incident.sigpipe) : "null",
                   [&](const Incident& truth) { return is_sigpipe_weaker(truth); });
        expect_one(truths, "first_close",
                   incident.first_close ? first_close_name(*incident.first_close) : "null",
                   [&](const Incident& truth) {
                       return !incident.first_close || incident.first_close == truth.first_close;
                   });
        expect_one(truths, "rst", incident.rst ? tcp_state_name(incident.rst->state) : "null",
                   [&](const Incident& truth) {
                       if (!incident.rst) return true;
                       return truth.rst && truth.rst->state == incident.rst->state &&
                              is_why_weaker(incident.rst->why, truth.rst->why);
                   });
        expect_one(truths, "peer", peer_text(incident),
                   [&](const Incident& truth) { return is_peer_weaker(truth); });
        expect_one(truths, "caused_by", incident.caused_by.value_or("null"), [&](const Incident& truth) {
            if (!incident.caused_by) return true;
            return truth.caused_by && key_of(*incident.caused_by) == key_of(*truth.caused_by);
        });
        for (const CallError& error : incident.errors) {
            expect_one(
                truths, "error",
                fmt::format("{} {} x{}", errno_name(error.error), error.syscall.value_or("?"), error.count),
                [&](const Incident& truth) { return was_met(truth, error); });
        }
        if (incident.process.tgid && !processes_.contains(*incident.process.tgid)) add("names a stranger");
        const std::string& summary = incident.verdict.summary;
        const bool says_none = summary.find("No program was told") != std::string::npos;
        expect_one(truths, "summary", summary, [&](const Incident& truth) {
            return !says_none ||
                   (truth.errors.empty() && truth.sigpipe.value_or(SigpipeFate::kNone) == SigpipeFate::kNone);
        });
    }

    std::vector<std::string> take_faults() { return std::move(faults_); }
    void add(const std::string& fault) {
        faults_.push_back(
            fmt::format("{}: {} {}: {}", story_.name, incident_->id, fault, incident_->verdict.summary));
    }

private:
    template <typename Holds>
    void expect_one(const std::vector<const Incident*>& truths, const char* field, const std::string& told,
                    Holds holds) {
        for (const Incident* truth : truths) {
            if (holds(*truth)) return;
        }
        const Incident& truth = *truths.front();
        add(fmt::format("{} {} does not follow from {}", field, told, cause_name(truth.verdict.cause)));
    }

    bool is_sigpipe_weaker(const Incident& truth) const {
        if (!incident_->sigpipe || incident_->sigpipe == truth.sigpipe) return true;
        return *incident_->sigpipe > SigpipeFate::kSuppressed && truth.sigpipe &&
               *incident_->sigpipe < *truth.sigpipe;
    }

    /// The call path, which adds to the kernel's reason or stands in its place, may be lost.
    static bool is_why_weaker(const std::optional<std::string>& told,
                              const std::optional<std::string>& truth) {
        if (!told) return true;
        return truth && (truth->starts_with(*told) || *told == "aborted");
    }

    static std::string peer_text(const Incident& incident) {
        if (!incident.peer) return "null";
        return fmt::format("{} {} {}", incident.peer->process.tgid.value_or(0),
                           incident.peer->action ? peer_action_name(*incident.peer->action) : "null",
                           incident.peer->unread_bytes.value_or(0));
    }

    bool is_peer_weaker(const Incident& truth) const {
        if (!incident_->peer) return true;
        const Peer& told = *incident_->peer;
        if (!truth.peer) return false;
        return (!told.process.tgid || told.process.tgid == truth.peer->process.tgid) &&
               (!told.action || told.action == truth.peer->action) &&
               (!told.unread_bytes || told.unread_bytes == truth.peer->unread_bytes);
    }

    /// That it was taken may be all that is still known of it.
    static bool was_met(const Incident& truth, const CallError& error) {
        return std::any_of(truth.errors.begin(), truth.errors.end(), [&](const CallError& met) {
            return met.error == error.error && error.count <= met.count &&
                   (error.inferred || (error.syscall == met.syscall && error.tid == met.tid));
        });
    }

    const PlacedStory& story_;
    std::set<Tgid> processes_;
    const Incident* incident_ = nullptr;
    std::vector<std::string> faults_;
};

}  // namespace

bool is_weaker(Cause told, const Incident& truth) {
    const Cause real = truth.verdict.cause;
    if (told == real || told == Cause::kUnknown) return true;
    switch (told) {
        // That a RST came. In SYN_SENT it says itself what it is an answer to.
        case Cause::kPeerReset:
            return is_one_of(real,
                             {Cause::kFirewallReset, Cause::kForgedReset, Cause::kPeerProcessDied,
                              Cause::kPeerClosedUnreadData, Cause::kPeerAbortiveClose, Cause::kCloseRace,
                              Cause::kWriteAfterPeerClose, Cause::kIdleConnectionReset});
        case Cause::kConnectionRefused:
            return real == Cause::kFirewallReset && truth.rst->state == TcpState::kSynSent;
        // It claims no more than that the FIN came before the write.
        case Cause::kWriteAfterPeerClose:
            return is_one_of(real, {Cause::kFirewallReset, Cause::kForgedReset, Cause::kPeerProcessDied,
                                    Cause::kPeerClosedUnreadData, Cause::kPeerAbortiveClose}) &&
                   had_fin_before_the_write(truth);
        // How the process ended is no part of these.
        case Cause::kPeerClosedUnreadData:
            return real == Cause::kPeerProcessDied && truth.peer && truth.peer->unread_bytes.value_or(0) > 0;
        case Cause::kUnixPeerUnreadData: return real == Cause::kUnixPeerDied && truth.facts.was_reset;
        case Cause::kUnixPeerClosed:
            return is_one_of(real, {Cause::kUnixPeerUnreadData}) && truth.facts.other_end == OtherEnd::kGone;
        // An ICMP that the connection outlived was sent all the same.
        case Cause::kUnreachable:
            return real == Cause::kPeerReset && !truth.errors.empty() &&
                   truth.errors.front().error == EHOSTUNREACH;
        case Cause::kCloseRace: return real == Cause::kPeerProcessDied && truth.facts.sent_after_fin == false;
        default: return false;
    }
}

std::vector<std::string> faults_against(const PlacedStory& story, const std::vector<const Told*>& told) {
    Judge judge(story);
    for (const Told* one : told) {
        const std::vector<const Incident*> truths = truths_of(story, one->incident);
        if (truths.empty()) {
            return {fmt::format("{}: {} is invented: {} {}", story.name, one->incident.id,
                                cause_name(one->incident.verdict.cause), one->incident.verdict.summary)};
        }
        judge.judge(one->incident, truths);
    }
    std::vector<std::string> faults = judge.take_faults();
    std::set<std::string> keys;
    std::set<std::string> true_keys;
    for (const Told& truth : story.truth) true_keys.insert(truth.incident.id);
    if (final_ones(told).size() > true_keys.size())
        faults.push_back(story.name + ": more incidents than failures");
    return faults;
}

}  // namespace pipetrace::testing
