// Of whom something was forgotten for want of room, and when: they alone are told with doubt. It forgets
// nothing itself and has a fixed size: keys share places, and two that share one are both taken to be meant.
// Pure.
#pragma once

#include "correlate/mixed_bits.h"
#include "model/ktime.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pipetrace {

/// For so long it is remembered of whom something was forgotten.
inline constexpr std::uint64_t kForgottenNs = 600'000'000'000;

class Forgotten {
public:
    /// Of `kept_ns` ago and longer nobody will ask.
    explicit Forgotten(std::uint64_t kept_ns = UINT64_MAX) : kept_ns_(kept_ns) {}

    /// `key` != 0.
    void note(std::uint64_t key, Ktime at) {
        if (places_.empty()) places_.resize(kPlaces);
        Place& place = places_[place_of(key)];
        const bool is_free = !place.last.known() || (at > place.last && at.ns - place.last.ns > kept_ns_);
        place.key = is_free || place.key == key ? key : kSeveral;
        place.last = std::max(place.last, at);
    }

    bool is_empty() const { return places_.empty(); }
    /// Whether anything of that key was, then or later.
    bool any_since(std::uint64_t key, Ktime since) const {
        if (places_.empty()) return false;
        const Place& place = places_[place_of(key)];
        return place.last.known() && place.last >= since && (place.key == key || place.key == kSeveral);
    }

private:
    static constexpr std::size_t kPlaces = 16384;  ///< 256 KiB, taken with the first
    static constexpr std::uint64_t kSeveral = 0;

    static std::size_t place_of(std::uint64_t key) { return mixed_bits(key) % kPlaces; }

    struct Place {
        std::uint64_t key = kSeveral;
        Ktime last;
    };
    std::uint64_t kept_ns_;
    std::vector<Place> places_;
};

}  // namespace pipetrace
