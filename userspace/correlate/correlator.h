// Joins events into incidents: for each process, the RST, the errors its calls met, and the SIGPIPE
// on one endpoint. Pure: time comes in with events and advance_to(); nothing is read or printed.
#pragma once

#include "correlate/connection_table.h"
#include "correlate/failure_history.h"
#include "correlate/failure_table.h"
#include "correlate/forgotten.h"
#include "correlate/known_ends.h"
#include "correlate/loss_log.h"
#include "correlate/node_pool.h"
#include "correlate/origin_table.h"
#include "correlate/reorder_buffer.h"
#include "correlate/sent_resets.h"
#include "correlate/story.h"
#include "model/event.h"
#include "model/evictions.h"
#include "model/incident.h"
#include "model/loss_counts.h"
#include "model/reset_tally.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace pipetrace {

struct CorrelatorConfig {
    std::string id_prefix;  ///< makes incident ids unique over boots
    const SyscallNames* syscall_names = &SyscallNames::none();
    bool error_asked_seen = false;  ///< and each getsockopt(SO_ERROR) that takes an error
    bool receives_seen = false;     ///< a hook sees each receive that fails
    bool sends_seen = false;        ///< and each send, with or without a signal
    bool unix_sends_seen = false;   ///< likewise on unix sockets
    bool unix_receives_seen = false;
    bool unix_unread_seen = false;             ///< and whoever closes one with data unread
    bool resets_sent_seen = false;             ///< and each RST that this host sends
    bool resets_seen = true;                   ///< and each that it receives
    bool sigpipes_seen = true;                 ///< and each SIGPIPE
    std::uint64_t idle_after_us = 30'000'000;  ///< silence that a device on the way may not outlast
    std::uint64_t reorder_ns = 10'000'000;
    std::uint64_t print_after_ns = 1'000'000'000;
    std::size_t endpoints_max = 65536;
    std::size_t failures_max = 65536;
    std::size_t processes_max = 4096;  ///< whose failures are remembered beyond their end
    std::size_t sent_resets_max = 4096;
    std::size_t origins_max = 4096;
    std::size_t known_ends_max = 8192;  ///< pipes and unix sockets whose other ends are remembered
};

class Correlator {
public:
    using Sink = std::function<void(Incident&&)>;

    Correlator(CorrelatorConfig config, Sink sink);

    /// In any arrival order, as long as none is later than reorder_ns.
    void observe(const Event& event);
    /// No event older than now - reorder_ns will come any more; prints what is due.
    void advance_to(Ktime now);
    /// The trace ends: everything that is open is printed.
    void finish();

    /// So far; what was lost while a story is open lowers its confidence.
    void set_lost(const LossTotals& totals) {
        loss_.set_total(totals.all);
        loss_beyond_tcp_.set_total(totals.all - totals.of_tcp_alone);
    }
    /// Events of this end, or of its connection's other, may not have come here: what is told of them is in
    /// doubt.
    void note_forgotten(const Endpoint& endpoint, Ktime at);
    /// The task has met a failure that was counted elsewhere: no chain is drawn through what it may have
    /// caused.
    void note_unexamined(const Task& task) { history_.add_unexamined(task.process, task.parent_tgid, now_); }
    /// Appends the ends whose failures the process has open.
    void add_open_ends(Tgid tgid, std::vector<std::uint64_t>& ids) const {
        for (const FailureKey& key : failures_.of_process(tgid)) ids.push_back(key.first);
    }
    /// Told ones on pipes and unix sockets: of some no record says that the process has let go.
    std::vector<FailureKey> told_without_end() const;
    /// The process has the end no more, and all that was counted on it has been observed.
    void let_go(const FailureKey& key);
    /// A failed endpoint whose owner nobody knows; asking resets it.
    bool take_owner_wanted();

    std::uint64_t resets_received() const { return resets_received_; }
    std::uint64_t resets_sent() const { return resets_sent_.total(); }
    const ResetTally& sent_by_reason() const { return resets_sent_; }
    /// Of those whose sender's record has come by now, if it ever will.
    const ResetTally& received_by_reason() const { return received_by_reason_; }
    /// SIGPIPEs whose descriptor is not known (io_uring's chains, retries and registered files), so that no
    /// story can be told.
    std::uint64_t unattributed() const { return unattributed_; }
    /// Events that make no sense, and were left out.
    std::uint64_t unsound() const { return unsound_; }
    /// Of its own tables.
    Evictions evictions() const;
    std::size_t open_failures() const { return failures_.size(); }
    /// Begun so lately that they may not have been told.
    std::size_t stories_waiting() const { return opened_.size(); }
    std::size_t endpoints() const { return connections_.size(); }
    /// Of everything that is kept, the events that wait included.
    std::size_t entries() const;
    /// Gives memory back that was needed in a storm.
    void trim() {
        reorder_.trim();
        pool_.trim();
    }

private:
    using EndedEndpoints = std::pmr::deque<std::pair<Ktime, std::uint64_t>>;  ///< when, and which

    void process(const Event& event);
    void on(const Event& event, const ResetReceived& body);
    void on(const Event& event, const ResetSent& body);
    void on(const Event& event, const ErrorRaised& body);
    void on(const Event& event, const CallFailed& body);
    void on(const Event& event, const SigpipeGenerated& body);
    void on(const Event& event, const SigpipeDelivered& body);
    void on(const Event& event, const EndpointRemembered& body);
    void on(const Event& event, const StateChanged& body);
    void on(const Event& event, const EndpointDestroyed& body);
    void on(const Event& event, const FailuresCounted& body);
    void on(const Event& event, const OtherEndSeen& body);
    void on(const Event& event, const PacketFiltered& body);
    void on(const Event& event, const UnixNamed& body);
    void on(const Event& event, const ProcessExited& body);
    void on(const Event& event, const SamplingChanged& body);
    void on(const Event&, const ProcessForked&) {}
    void on(const Event&, const ProcessExecuted&) {}
    void on(const Event&, const std::monostate&) {}

    void join_sent_reset(const SentReset& sent, bool is_live);
    void note_origin(const SentReset& sent);
    bool add_to_origin(const EndpointRemembered& body);
    void add_to_origin(const Endpoint& endpoint, const Closure& closure);
    void settle_origin(const Connection& connection);
    void print_origin(Origin& origin);
    void advance_origins(Ktime now);
    void count_received(const Connection& connection, Ktime at);
    void count_refused_again(const Connection& connection, Ktime at);
    void count_doubtful_reset(const Connection& connection);
    void settle_received(Ktime now);
    void evict_oldest();
    void drop_closed();
    const LossLog& losses_of(EndpointKind kind) const {
        return kind == EndpointKind::kTcp ? loss_ : loss_beyond_tcp_;
    }
    bool is_any_forgotten(const Endpoint& endpoint, Ktime since) const;
    bool is_in_doubt(const Failure& failure) const;
    Ktime began_at_the_latest(const Failure& failure) const;
    std::uint64_t lost_during(const Failure& failure) const;
    void forget_other_end_of_earlier(const Endpoint& endpoint, Ktime at);
    Failure& open_failure(const Endpoint& endpoint, const Task& task, Ktime at);
    void add_call(Failure& failure, const FailedCall& call);
    void infer_taken_error(Failure& failure, const Connection& connection, Ktime at, const Task& task);
    void forget_inferred_taker(const Endpoint& endpoint, int error);
    void infer_taken_reset(Failure& failure, const TcpFacts& facts, Ktime at, const Task& task);
    void end_endpoint(std::uint64_t id);
    void end_silent(Connection& connection);
    bool is_silent_story(const Connection& connection) const;
    bool awaits_sender(const Connection& connection) const;
    void print_silent(Ktime now);
    void print_first_silent();
    void forget_other_end(const Endpoint& endpoint, Ktime exited_at);
    Story story_of(const Failure& failure) const;
    std::string id_of(Ktime first_at, const Endpoint& endpoint, const ProcessId& process) const;
    void remember_call(const Failure& failure, const FailedCall& call);
    void remember_sigpipe(const Failure& failure, const RaisedSigpipe& sigpipe);
    void remember_repeats(const Failure& failure, const FailureCount& count);
    void remember_silent(const Failure& failure, const Connection& connection);
    Failure* find_cause(Failure& failure);
    void print(Failure& failure);
    std::optional<Sampled> sampled_since(Ktime first_at) const;
    void print_alone(Failure& failure);
    void print_if_news(Failure& failure);
    void close(const FailureKey& key);
    void print_due(Ktime now);
    void close_exited(Ktime now);
    void forget_old(Ktime now);
    void forget_endpoints(EndedEndpoints& ended, std::uint64_t hold_ns, Ktime now);

    CorrelatorConfig config_;
    Sink sink_;
    NodePool pool_;  // before the tables that take their memory from it
    ReorderBuffer reorder_;
    ConnectionTable connections_;
    FailureTable failures_;
    FailureHistory history_;
    LossLog loss_;
    LossLog loss_beyond_tcp_;  ///< without what can concern TCP alone
    Forgotten forgotten_{kForgottenNs};
    std::pmr::deque<std::pair<Ktime, FailureKey>> opened_{&pool_};  ///< in order, for printing when due
    std::pmr::deque<std::pair<Ktime, FailureKey>> exited_{&pool_};  ///< processes that ended, same
    EndedEndpoints destroyed_{&pool_};                              ///< to be forgotten
    EndedEndpoints both_destroyed_{&pool_};                         ///< the same, sooner
    std::deque<std::pair<Ktime, Failure>> silent_;  ///< that wait for the record of who sent their RST
    SentResets sent_resets_;
    OriginTable origins_;
    KnownEndTable known_ends_;
    Ktime now_;
    std::uint64_t resets_received_ = 0;
    ResetTally resets_sent_;
    ResetTally received_by_reason_;
    EndedEndpoints senders_awaited_{
        &pool_};       ///< received RSTs whose sender's record may still come: until when
    Evictions early_;  ///< what was let go here before its time, beside what the tables count
    std::uint64_t unattributed_ = 0;
    std::uint64_t unsound_ = 0;
    SamplingChanged sampling_;  ///< the latest; of those that tell all, the share is of the one before
    bool is_sampling_ = false;
    Ktime sampled_until_;  ///< unknown: never
    bool owner_wanted_ = false;
};

}  // namespace pipetrace
