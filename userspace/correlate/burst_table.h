// Recognises many alike together as one burst: at least 5 within 1 s. Alike are incidents of processes of
// one name, of one cause, on one kind of endpoint, with one host (pipes and unix sockets: one peer's name);
// or with several hosts, where a pattern holds them together. Pure: the only times are the incidents' own.
#pragma once

#include "correlate/burst_traits.h"
#include "model/burst.h"
#include "model/incident.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

namespace pipetrace {

class BurstTable {
public:
    struct Bounds {
        std::size_t groups_max = 1024;
        std::size_t ids_max = 8192;  ///< incidents that may be revised, whose revisions are recognised
        std::size_t over_max = 64;   ///< bursts kept after their end, the largest ones
    };
    BurstTable() : BurstTable(Bounds{}) {}
    explicit BurstTable(Bounds bounds) : bounds_(bounds) {}

    /// After the verdict: sets `burst`, where the incident belongs to one by now, and `alike_group`.
    void join(Incident& incident);

    /// The story so far; null where it is not kept. Valid until the next call of join().
    const BurstStory* find(const std::string& burst_id) const;

    /// The largest bursts so far, the largest first.
    std::vector<BurstStory> largest(std::size_t stories_max) const;
    std::uint64_t count() const { return count_; }
    std::size_t groups() const { return groups_.size(); }
    /// Groups forgotten for want of room while more of them could have come, and revisions of incidents that
    /// were forgotten: they name no burst.
    std::uint64_t evicted() const { return evicted_; }

private:
    struct Running {
        BurstTraits traits;
        bool one_host = false;  ///< it takes no others
    };
    /// Alike but perhaps for the host.
    struct Group {
        std::uint64_t number = 0;
        Ktime last_at;
        std::vector<BurstMember> recent;  ///< of no burst
        std::vector<std::string> bursts;  ///< under way
        std::list<std::string>::iterator age;
    };
    struct Known {
        std::uint64_t group = 0;
        std::string burst_id;
    };

    static bool belongs(const Running& burst, const BurstMember& member);

    Group& group_of(const Incident& incident);
    Running* under_way(const Group& group, const BurstMember& member);
    Running* begin(Group& group, const BurstMember& member, const BurstTraits& none_yet);
    Running& place(Group& group, BurstTraits traits, bool one_host, const std::vector<BurstMember>& members);
    void end_bursts(Group& group);
    void end_burst(const std::string& burst_id);
    void remember(const std::string& id, Known known);
    void join_again(Incident& incident);

    Bounds bounds_;
    std::unordered_map<std::string, Group> groups_;
    std::list<std::string> oldest_first_;
    std::unordered_map<std::string, Running> running_;  ///< by burst id
    std::vector<BurstStory> over_;
    std::unordered_map<std::string, Known> known_;  ///< by incident id
    std::deque<std::string> known_by_age_;
    std::uint64_t count_ = 0;
    std::uint64_t last_number_ = 0;
    std::uint64_t evicted_ = 0;
};

}  // namespace pipetrace
