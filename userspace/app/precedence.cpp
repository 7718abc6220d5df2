#include "app/precedence.h"

#include <sys/resource.h>

namespace pipetrace {

void take_precedence(int nice) {
    const int current = ::getpriority(PRIO_PROCESS, 0);
    // A thread begun by the collector has the collector's.
    if (current != 0 && current != kCollectorNice) return;
    [[maybe_unused]] const int refused = ::setpriority(PRIO_PROCESS, 0, nice);
}

}  // namespace pipetrace
