#include "app/lately_met.h"

#include <variant>

namespace pipetrace {

void LatelyMet::note(const Event& event) {
    std::uint64_t id = 0;
    if (const auto* failed = std::get_if<CallFailed>(&event.body)) id = failed->endpoint.id;
    if (const auto* raised = std::get_if<SigpipeGenerated>(&event.body)) id = raised->endpoint.id;
    if (id != 0) met_[count_++ % kMetMax] = {event.task.process.tgid, id};
}

void LatelyMet::add_ends_of(Tgid tgid, std::vector<std::uint64_t>& ids) const {
    for (const Met& met : met_) {
        if (met.endpoint_id != 0 && met.tgid == tgid) ids.push_back(met.endpoint_id);
    }
}

}  // namespace pipetrace
