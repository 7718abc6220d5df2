// Counts the RSTs that this host received, and why they were sent.
#include "correlate/correlator.h"

namespace pipetrace {
namespace {

/// Not known where another host sent it, or this one's record of it was lost.
std::optional<int> reason_of(const SentReset& sent) { return sent ? sent->body.reason : std::nullopt; }

}  // namespace

void Correlator::count_received(const Connection& connection, Ktime at) {
    ++resets_received_;
    senders_awaited_.emplace_back(at + kAbortRecordLagNs, connection.endpoint.id);
}

/// Refused once more, on the socket of an earlier attempt. Its sender's record comes before it.
void Correlator::count_refused_again(const Connection& connection, Ktime at) {
    ++resets_received_;
    received_by_reason_.count(reason_of(sent_resets_.find(connection.endpoint, at)));
}

/// Had no RST come, this end's kernel would have answered with one (see on(ResetSent)).
void Correlator::count_doubtful_reset(const Connection& connection) {
    if (!connection.reset || !connection.reset_in_doubt || !config_.resets_sent_seen) return;
    ++resets_received_;
    received_by_reason_.count(reason_of(connection.peer_reset));
}

void Correlator::settle_received(Ktime now) {
    while (!senders_awaited_.empty()) {
        const bool is_over = senders_awaited_.front().first <= now;
        if (!is_over && senders_awaited_.size() <= config_.endpoints_max) break;
        if (!is_over) ++early_.of(Table::kRstReasons);
        const Connection* receiver = connections_.find(senders_awaited_.front().second);
        received_by_reason_.count(receiver != nullptr ? reason_of(receiver->peer_reset) : std::nullopt);
        senders_awaited_.pop_front();
    }
}

}  // namespace pipetrace
