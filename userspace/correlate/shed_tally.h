// Counts the failures of connections that are not examined, by the correlator's own rules: one process, one
// endpoint, one failure; what it was told; the resets. No stories: nothing is joined with the other end, and
// why it happened is not asked. Events are taken in the order of arrival. Pure. Bounded; what was given up
// for want of room is counted.
#pragma once

#include "correlate/correlator.h"
#include "correlate/end_facts.h"
#include "correlate/node_pool.h"
#include "model/counted_incident.h"
#include "model/reset_tally.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <memory_resource>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pipetrace {

class ShedTally {
public:
    using Sink = std::function<void(CountedIncident&&)>;
    /// A process has met a failure that nobody will be told of.
    using Met = std::function<void(const Task&)>;

    /// Of `config` what is seen, when incidents are counted, and how many ends and failures are kept.
    ShedTally(CorrelatorConfig config, Sink sink, Met met);

    void observe(const Event& event);
    void advance_to(Ktime now);
    /// The trace ends: what is open is counted.
    void finish();

    /// Appends the ends whose failures the process has open.
    void add_open_ends(Tgid tgid, std::vector<std::uint64_t>& ids) const;
    /// The thread's latest SIGPIPE is one that is counted here: its delivery is too.
    bool awaits_delivery(Tid tid) const { return awaited_.contains(tid); }
    /// It has raised another, which is told.
    void forget_delivery(Tid tid) { awaited_.erase(tid); }

    std::uint64_t incidents() const { return incidents_; }
    std::uint64_t resets_received() const { return resets_received_.total(); }
    std::uint64_t resets_sent() const { return resets_sent_.total(); }
    /// Who sent one is not looked for.
    const ResetTally& received_by_reason() const { return resets_received_; }
    const ResetTally& sent_by_reason() const { return resets_sent_; }
    std::uint64_t unattributed() const { return unattributed_; }
    /// Ends, failures and deliveries given up for want of room: counted, but their repeats may count as new.
    std::uint64_t evicted() const { return evicted_; }
    std::size_t entries() const;
    /// Gives memory back that was needed in a storm.
    void trim() { pool_.trim(); }

private:
    struct CountedFailure {
        Failure failure;
        std::vector<CountedIncident::Error> counted;  ///< so far; one for each errno
        bool is_counted = false;
    };
    struct End {
        Connection connection;
        std::vector<CountedFailure> failures;  ///< one for each process
        std::unique_ptr<OtherEndSeen> other;   ///< of a pipe or unix socket
        std::uint64_t number = 0;              ///< which of those with this id
    };
    struct Waiting {
        Ktime since;
        FailureKey key;
        std::uint64_t number = 0;
    };

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
    void on(const Event& event, const ProcessExited& body);
    template <typename Body>
    void on(const Event&, const Body&) {}

    End* find(std::uint64_t id);
    /// Null also where another has that id by now.
    End* find(const Waiting& waiting);
    End& touch(const Endpoint& endpoint, Ktime at);
    Failure& open_failure(End& end, const Task& task, Ktime at);
    void infer_taken_error(End& end, Failure& failure, Ktime at, const Task& task);
    void infer_taken_reset(End& end, Failure& failure, const TcpFacts& facts, Ktime at, const Task& task);
    static void forget_inferred_taker(End& end, int error);
    void await_delivery(Tid tid, const FailureKey& key);
    void end_silent(End& end);
    void count(const End& end, CountedFailure& failure);
    void close_all(End& end);
    void close_exited(Ktime now);
    void count_due(Ktime now);
    void forget_idle(Ktime now);
    void drop_stale(std::deque<Waiting>& line);
    bool evict_oldest(const End* kept);
    void evict_others();
    void give_up(End& end);
    void make_room_beside(End& end);
    void erase(std::uint64_t id);

    CorrelatorConfig config_;
    Sink sink_;
    Met met_;
    NodePool pool_;  // before the tables that take their memory from it
    std::pmr::unordered_map<std::uint64_t, End> ends_{&pool_};
    std::pmr::set<std::pair<Tgid, std::uint64_t>> by_process_{&pool_};
    std::pmr::unordered_map<Tid, FailureKey> awaited_{&pool_};
    std::deque<Waiting> by_age_;  ///< ends, as they came; those gone since among them
    /// Of them, pipes and unix sockets: no record tells when a process that lives on lets go of one, so they
    /// are fewer (known_ends_max).
    std::deque<Waiting> others_by_age_;
    std::size_t others_ = 0;      ///< that are there
    std::deque<Waiting> opened_;  ///< failures, to be counted when due
    std::deque<Waiting> exited_;  ///< whose processes have ended, whose last counts may still come
    std::uint64_t numbers_ = 0;
    std::uint64_t incidents_ = 0;
    ResetTally resets_received_;
    ResetTally resets_sent_;
    std::uint64_t unattributed_ = 0;
    std::uint64_t evicted_ = 0;
};

}  // namespace pipetrace
