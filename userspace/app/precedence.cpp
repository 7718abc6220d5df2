#include "app/precedence.h"

#include <sys/resource.h>

namespace pipetrace {

void take_precedence(int nice) {
    if (::getpriority(PRIO_PROCESS, 0) != 0) return;
    [[maybe_unused]] const int refused = ::setpriority(PRIO_PROCESS, 0, nice);
}

}  // namespace pipetrace
