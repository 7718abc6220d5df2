#include "decode/sampling_record.h"

#include "pipetrace_abi.h"

#include <cstring>

namespace pipetrace {

std::vector<std::byte> sampling_record(const SamplingChanged& sampling, Ktime at) {
    pt_sampling_changed record;
    std::memset(&record, 0, sizeof(record));
    record.header.kind = PT_SAMPLING_CHANGED;
    record.header.size = sizeof(record);
    record.header.ktime_ns = at.ns;
    record.counted_only = sampling.counted_only;
    record.share_millionths = sampling.share_millionths;
    std::vector<std::byte> bytes(sizeof(record));
    std::memcpy(bytes.data(), &record, sizeof(record));
    return bytes;
}

}  // namespace pipetrace
