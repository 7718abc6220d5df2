// Who failed on what, the latest: the correlator knows of it once it is put in order, which an exit does not
// wait for. Pure. Bounded: the oldest makes room, and the ring holds no more failures than there are
// places.
#pragma once

#include "model/event.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pipetrace {

class LatelyMet {
public:
    static constexpr std::size_t kMetMax = 8192;

    /// Nothing where it is no failure of a known end.
    void note(const Event& event);
    /// Appends the ends that the process failed on, one for each failure.
    void add_ends_of(Tgid tgid, std::vector<std::uint64_t>& ids) const;

private:
    struct Met {
        Tgid tgid = 0;
        std::uint64_t endpoint_id = 0;  ///< 0: none yet
    };
    std::array<Met, kMetMax> met_{};
    std::size_t count_ = 0;
};

}  // namespace pipetrace
