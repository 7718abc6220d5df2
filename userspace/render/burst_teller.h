// The text of incidents with alike ones told once. The first of a kind is told at once; those like it are
// held back for a second: if they turn out to be a burst, one block stands for them, else each is told.
// Pure: the time comes in.
#pragma once

#include "model/burst.h"
#include "model/incident.h"
#include "render/text_renderer.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

namespace pipetrace {

class BurstTeller {
public:
    BurstTeller(ClockOffsets clocks, TextStyle style);

    /// `burst` is the story so far of the burst that the incident belongs to, or null. Appends what is
    /// told at once.
    void tell(const Incident& incident, const BurstStory* burst, Ktime now, std::string& out);
    /// Appends what has been held back for long enough.
    void advance_to(Ktime now, std::string& out);
    /// Appends all that is held back.
    void finish(std::string& out);

    bool is_holding() const { return !held_.empty(); }

private:
    /// Of one group of alike incidents.
    struct Held {
        Ktime due;
        std::vector<Incident> incidents;
        std::map<std::string, BurstStory> bursts;  ///< that a block is to be told of
    };
    /// The latest few; the oldest is forgotten for a new one.
    class LatestIds {
    public:
        void add(const std::string& id);
        bool contains(const std::string& id) const { return ids_.contains(id); }

    private:
        std::unordered_set<std::string> ids_;
        std::deque<std::string> by_age_;
    };

    void release_cause(const Incident& incident, std::string& out);
    void take_revision(const Incident& incident, std::string& out);
    void fold(const Incident& incident, const BurstStory& burst, Ktime now);
    void hold(const Incident& incident, Ktime now, std::string& out);
    Held& held_for(std::uint64_t group, Ktime now);
    void release(const Held& held, std::string& out);

    TextRenderer renderer_;
    ClockOffsets clocks_;
    TextStyle style_;
    std::map<std::uint64_t, Held> held_;  ///< by group
    std::size_t incidents_held_ = 0;
    LatestIds folded_;  ///< incidents that a block stands for
    LatestIds told_;    ///< bursts
    std::uint64_t last_group_ = 0;
};

}  // namespace pipetrace
