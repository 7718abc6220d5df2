// When a storm of events is over, so that the memory which it took can be given back. Pure.
#pragma once

#include "model/ktime.h"

#include <cstdint>

namespace pipetrace {

class StormWatch {
public:
    /// To be asked now and then; `events`: all so far. True once for each storm, when what it left has been
    /// told and forgotten.
    bool is_over(Ktime now, std::uint64_t events);

private:
    Ktime looked_;
    std::uint64_t events_ = 0;  ///< as of that look
    Ktime last_storm_;          ///< unknown: none since one was over
};

}  // namespace pipetrace
