#include "export/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

namespace pipetrace {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily family_of(const char* name, const char* help, MetricType type, double value) {
    MetricFamily family;
    family.name = name;
    family.help = help;
    family.type = type;
    family.metric.emplace_back();
    (type == MetricType::Counter ? family.metric.back().counter.value : family.metric.back().gauge.value) =
        value;
    return family;
}

/// Fields of /proc/self/stat (proc(5)) from the third on, which follow the name in parentheses.
struct Stat {
    double cpu_ticks = 0;
    double threads = 0;
    double start_ticks = 0;
    double virtual_bytes = 0;
    double resident_pages = 0;
};
std::optional<Stat> read_stat() {
    std::ifstream file("/proc/self/stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream rest(text.substr(name_end + 1));
    std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
    constexpr std::size_t kFirst = 3, kUserTicks = 14, kSystemTicks = 15, kThreads = 20, kStart = 22,
                          kVirtual = 23, kResident = 24;
    if (fields.size() <= kResident - kFirst) return std::nullopt;
    const auto number = [&](std::size_t field) {
        const std::string& digits = fields[field - kFirst];
        double value = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), value);
        return value;
    };
    return Stat{number(kUserTicks) + number(kSystemTicks), number(kThreads), number(kStart), number(kVirtual),
                number(kResident)};
}

/// Seconds since 1970.
std::optional<double> read_boot_time() {
    std::ifstream file("/proc/stat");
    std::string word;
    double value = 0;
    while (file >> word) {
        if (word == "btime" && file >> value) return value;
        file.ignore(1 << 20, '\n');
    }
    return std::nullopt;
}

/// The descriptor that looks is not counted.
std::optional<double> count_descriptors() {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), ::closedir);
    if (!directory) return std::nullopt;
    double count = -1;
    while (const dirent* entry = ::readdir(directory.get())) count += entry->d_name[0] != '.' ? 1 : 0;
    return count;
}

}  // namespace

ProcessMetrics::ProcessMetrics() : booted_(read_boot_time()) {}

std::vector<MetricFamily> ProcessMetrics::Collect() const {
    std::vector<MetricFamily> families;
    const auto add = [&](const char* name, const char* help, double value,
                         MetricType type = MetricType::Gauge) {
        families.push_back(family_of(name, help, type, value));
    };
    const double ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
    if (const auto stat = read_stat()) {
        add("process_cpu_seconds_total", "Processor time that pipetrace took, user and system.",
            stat->cpu_ticks / ticks_per_second, MetricType::Counter);
        add("process_resident_memory_bytes", "Resident memory of pipetrace.",
            stat->resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE)));
        add("process_virtual_memory_bytes", "Virtual memory of pipetrace.", stat->virtual_bytes);
        add("process_threads", "Threads of pipetrace.", stat->threads);
        if (booted_)
            add("process_start_time_seconds", "When pipetrace was started, in seconds since 1970.",
                *booted_ + stat->start_ticks / ticks_per_second);
    }
    if (const auto open = count_descriptors())
        add("process_open_fds", "Descriptors that pipetrace has open.", *open);
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
        add("process_max_fds", "Descriptors that pipetrace may have open.",
            static_cast<double>(limit.rlim_cur));
    return families;
}

}  // namespace pipetrace
