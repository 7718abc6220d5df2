#include "model/utc_text.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace pipetrace {
namespace {

/// The last `count` decimal digits.
void write_digits(char* place, int count, std::int64_t value) {
    while (count-- > 0) {
        place[count] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
}

}  // namespace

UtcText utc_text(WallTime at) {
    using namespace std::chrono;
    const sys_time<nanoseconds> time{nanoseconds(at.ns)};
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(floor<microseconds>(time - day));
    constexpr std::string_view kShape = "0000-00-00T00:00:00.000000Z";
    UtcText text{};
    static_assert(kShape.size() == sizeof text.bytes);
    std::copy(kShape.begin(), kShape.end(), text.bytes.begin());
    char* place = text.bytes.data();
    write_digits(place, 4, static_cast<int>(date.year()));
    write_digits(place + 5, 2, static_cast<unsigned>(date.month()));
    write_digits(place + 8, 2, static_cast<unsigned>(date.day()));
    write_digits(place + 11, 2, clock.hours().count());
    write_digits(place + 14, 2, clock.minutes().count());
    write_digits(place + 17, 2, clock.seconds().count());
    write_digits(place + 20, 6, clock.subseconds().count());
    return text;
}

}  // namespace pipetrace
