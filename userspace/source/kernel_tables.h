// How full the kernel programs' tables are. Those that drop their oldest entry for a new one do so without a
// sign (BPF_MAP_TYPE_LRU_HASH): all that can be seen is that they have room, or have not.
#pragma once

#include "model/observation.h"

#include <vector>

struct bpf_object;

namespace pipetrace {

/// Of each such table. Reads them through, in milliseconds; one that cannot be read is left out.
std::vector<TableUse> read_table_use(const bpf_object* object);

}  // namespace pipetrace
