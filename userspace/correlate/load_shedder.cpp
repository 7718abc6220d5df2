#include "correlate/load_shedder.h"

namespace pipetrace {

bool LoadShedder::passes(const Event& event) {
    if (std::holds_alternative<SigpipeDelivered>(event.body)) {
        // It names its thread alone: whose latest SIGPIPE it is says whose story it is in.
        if (!tally_.awaits_delivery(event.task.tid)) return true;
        tally_.observe(event);
        return false;
    }
    if (std::holds_alternative<ProcessExited>(event.body)) {
        tally_.observe(event);
        return true;
    }
    const bool is_told = sampler_.is_told(event);
    if (!is_told) tally_.observe(event);
    if (is_told && std::holds_alternative<SigpipeGenerated>(event.body))
        tally_.forget_delivery(event.task.tid);
    return is_told;
}

}  // namespace pipetrace
