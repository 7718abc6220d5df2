// An incident that was counted and not examined, because load had to be shed: who, what it was told, and no
// more. Its cause is not known.
#pragma once

#include "model/endpoint.h"
#include "model/incident.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace pipetrace {

struct CountedIncident {
    struct Error {
        int error = 0;            ///< positive errno
        std::uint64_t count = 0;  ///< calls that failed with it, since this incident was last counted
    };

    bool is_new = true;  ///< else it was counted before, and this is what came since
    InvolvedProcess process;  ///< unknown where nobody is known to have held the end
    Endpoint endpoint;
    std::vector<Error> errors;
    std::optional<SigpipeFate> sigpipe;  ///< as of now
};

}  // namespace pipetrace
