// What each process has met of late, remembered beyond its end: the failure that ended a process brought
// about those of the ends that it let go. Pure; bounded, and what room was lacking for is counted.
#pragma once

#include "correlate/forgotten.h"
#include "model/event.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace pipetrace {

/// One failure of one process, as far as it can have brought about another.
struct MetFailure {
    Endpoint endpoint;
    ProcessId process;
    Tgid parent_tgid = 0;
    Ktime first_at;    ///< with endpoint and process, which failure it is
    Ktime noticed_at;  ///< earlier than that: the FIN of a killed process, which this one can have read
    Ktime last_at;     ///< the latest error or SIGPIPE; a RST that nobody was told of
    Tid last_tid = 0;
    bool told = false;            ///< by a call or a signal
    bool of_killed_peer = false;  ///< the other end's process was killed: nobody had finished there
    bool broken_pipe = false;     ///< by EPIPE or SIGPIPE among others
    Ktime killed_at;              ///< of the SIGPIPE that nothing kept from killing
    bool follows = false;         ///< another was seen to have brought it about

    Ktime began_at() const { return noticed_at.known() ? noticed_at : first_at; }
};

class FailureHistory {
public:
    explicit FailureHistory(std::size_t processes_max) : processes_max_(processes_max) {}

    /// Later news of a failure raise what is known of it.
    void add(const MetFailure& failure);
    /// It has met a failure of which no more is known: what it did afterwards may have been for that one.
    void add_unexamined(const ProcessId& process, Tgid parent_tgid, Ktime at);
    void exited(const ProcessId& process, int wait_status, Ktime at);
    /// Another brought this one about.
    void set_follows(const ProcessId& process, const Endpoint& endpoint, Ktime first_at);

    /// The failure that made closure.by give up the other end of `broken`: its own, or one of the child that
    /// it waited for; null where none surely did. Where records were lost, another failure can have done it,
    /// but for a SIGPIPE that was seen to kill. `opened`: the broken connection, if known.
    const MetFailure* behind(const Closure& closure, const Endpoint& broken, bool any_lost = false,
                             Ktime opened = {}) const;

    std::size_t size() const { return processes_.size(); }
    /// Processes forgotten for want of room while their failures were young. Whom one of theirs may have
    /// brought about is said to have been by none.
    std::uint64_t evicted() const { return evicted_; }

private:
    /// Who forgets a process after this long forgets nothing that somebody waits for.
    static constexpr std::uint64_t kYoungNs = 600'000'000'000;

    struct Process {
        std::vector<MetFailure> met;  ///< the latest few
        std::size_t earlier = 0;      ///< so many before them
        bool unexamined = false;      ///< there are others
        Ktime touched;                ///< by the latest of all
        std::optional<int> wait_status;
        Ktime exited_at;
        Tgid parent_tgid = 0;  ///< when it met the first
        std::list<ProcessId>::iterator age;
    };

    Process& touch(const ProcessId& process, Tgid parent_tgid, Ktime at);
    void make_room(Ktime now);
    const MetFailure* of_itself(const Closure& closure, const Endpoint& broken, bool any_lost,
                                Ktime opened) const;
    const MetFailure* of_its_child(const Closure& closure, const Endpoint& broken) const;
    static const MetFailure* that_killed(const Process& process, const Closure& closure,
                                         const Endpoint& broken, bool any_lost);
    static const MetFailure* that_ended(const Process& process, const Closure& closure,
                                        const Endpoint& broken, Ktime opened);
    static const MetFailure* that_led_to_close(const Process& process, const Closure& closure,
                                               const Endpoint& broken);

    std::size_t processes_max_;
    std::map<ProcessId, Process> processes_;
    std::set<std::pair<Tgid, ProcessId>> by_parent_;
    std::list<ProcessId> oldest_first_;
    Forgotten forgotten_{kYoungNs};  ///< by process, and by its parent
    std::uint64_t evicted_ = 0;
};

}  // namespace pipetrace
