#include "app/privileges.h"

#include "app/precedence.h"
#include "source/file_reader.h"

#include <cap-ng.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pipetrace {
namespace {

constexpr unsigned kFirstStray = STDERR_FILENO + 1;
/// For the links /proc/PID/exe of other users' processes.
constexpr unsigned kReadsProcesses = CAP_SYS_PTRACE;

bool is_permitted(unsigned capability) { return capng_have_capability(CAPNG_PERMITTED, capability) != 0; }

bool set_capabilities(const std::vector<unsigned>& permitted, const std::vector<unsigned>& effective) {
    capng_clear(CAPNG_SELECT_CAPS);
    for (const unsigned capability : permitted) capng_update(CAPNG_ADD, CAPNG_PERMITTED, capability);
    for (const unsigned capability : effective) capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, capability);
    return capng_apply(CAPNG_SELECT_CAPS) == 0;
}

/// Where everybody may make BPF calls now, that can be taken back at any time.
bool is_bpf_for_the_privileged() {
    const auto setting = read_first_line("/proc/sys/kernel/unprivileged_bpf_disabled");
    return setting && *setting != "0";
}

/// Where CAP_SETPCAP allows it. Nothing is ever executed: without effect, but plain to see.
void drop_bounding_set(const std::vector<unsigned>& kept) {
    if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 0) return;
    capng_clear(CAPNG_SELECT_BOUNDS);
    for (const unsigned capability : kept) capng_update(CAPNG_ADD, CAPNG_BOUNDING_SET, capability);
    [[maybe_unused]] const int refused = capng_apply(CAPNG_SELECT_BOUNDS);
}

/// Setting a priority above others' takes CAP_SYS_NICE, or this limit; raising the limit CAP_SYS_RESOURCE.
void see_to_precedence() {
    constexpr rlim_t kWanted = 20 - kCollectorNice;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NICE, &limit) == 0 && limit.rlim_cur >= kWanted) return;
    const rlimit raised{kWanted, std::max(kWanted, limit.rlim_max)};
    if (::setrlimit(RLIMIT_NICE, &raised) != 0) take_precedence(kCollectorNice);
}

Error not_dropped(const char* step) {
    return Error{"pipetrace cannot give up the rights that it needs no longer",
                 std::string(step) + ": " + std::strerror(errno),
                 "see whether a container or a security module forbids it"};
}

}  // namespace

void keep_to_oneself(bool close_inherited) {
    ::umask(0077);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (close_inherited) ::close_range(kFirstStray, ~0U, 0);
}

Result<KeptPrivileges> drop_privileges(const std::function<bool()>& still_works) {
    see_to_precedence();
    if (capng_get_caps_process() != 0) return not_dropped("capget");
    std::vector<unsigned> kept;
    if (is_permitted(kReadsProcesses)) kept.push_back(kReadsProcesses);
    // Either lets programs be loaded.
    const unsigned loader = is_permitted(CAP_BPF) ? CAP_BPF : CAP_SYS_ADMIN;
    if (is_permitted(loader)) {
        std::vector<unsigned> tried = kept;
        if (is_permitted(CAP_SETPCAP)) tried.push_back(CAP_SETPCAP);
        std::vector<unsigned> in_reserve = tried;
        in_reserve.push_back(loader);
        if (!set_capabilities(in_reserve, tried)) return not_dropped("capset");
        if (!is_bpf_for_the_privileged() || !still_works()) kept.push_back(loader);
    }
    drop_bounding_set(kept);
    if (!set_capabilities(kept, kept)) return not_dropped("capset");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return not_dropped("no_new_privs");
    KeptPrivileges names;
    names.reads_processes = is_permitted(kReadsProcesses);
    for (const unsigned capability : kept) {
        std::string name = std::string("cap_") + capng_capability_to_name(capability);
        std::ranges::transform(name, name.begin(), [](char c) {
            return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        });
        names.capabilities.push_back(std::move(name));
    }
    return names;
}

std::string capability_list(const KeptPrivileges& kept) {
    std::string list;
    for (const std::string& name : kept.capabilities) list += (list.empty() ? "" : ", ") + name;
    return list.empty() ? "no capability" : list;
}

}  // namespace pipetrace
