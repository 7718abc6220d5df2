// Sources of the names: libcontainer's cgroup drivers, containerd's CRI plugin, CRI-O and podman (libpod),
// the kubelet's cgroup manager, lxc's cgfsng, systemd-nspawn, and systemd's own cg_path_get_unit().
#include "model/workload.h"

#include <algorithm>
#include <array>
#include <vector>

namespace pipetrace {
namespace {

constexpr std::size_t kIdDigits = 64;
constexpr std::size_t kShortIdDigits = 12;
constexpr std::size_t kShortestPrefix = 4;
constexpr std::size_t kPathBytesMax = 4096;
constexpr std::size_t kNameBytesMax = 128;
constexpr std::size_t kUnitBytesMax = 255;
constexpr std::string_view kSlice = ".slice";
constexpr std::string_view kScope = ".scope";

using Words = std::vector<std::string_view>;

struct NamedRuntime {
    std::string_view name;
    ContainerRuntime runtime;
};
/// What stands before an id: "docker-<id>.scope", "<slice>:docker:<id>".
constexpr NamedRuntime kScopePrefixes[] = {
    {"docker", ContainerRuntime::kDocker},      {"cri-containerd", ContainerRuntime::kContainerd},
    {"nerdctl", ContainerRuntime::kContainerd}, {"crio", ContainerRuntime::kCrio},
    {"libpod", ContainerRuntime::kPodman},
};
/// Groups at the root in which an engine puts containers by their bare ids: Docker's own, the parent that
/// GitHub's runners give it; containerd's namespaces "default" (ctr, nerdctl) and "k8s.io".
constexpr NamedRuntime kBareParents[] = {
    {"docker", ContainerRuntime::kDocker},
    {"actions_job", ContainerRuntime::kDocker},
    {"default", ContainerRuntime::kContainerd},
    {"k8s.io", ContainerRuntime::kContainerd},
};

bool is_hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_hex(std::string_view text, std::size_t digits) {
    return text.size() == digits && std::all_of(text.begin(), text.end(), is_hex_digit);
}
bool is_id(std::string_view text) { return is_hex(text, kIdDigits); }

/// Takes the end away; false where the text has another.
bool drop_end(std::string_view& text, std::string_view end) {
    if (!text.ends_with(end)) return false;
    text.remove_suffix(end.size());
    return true;
}
bool drop_start(std::string_view& text, std::string_view start) {
    if (!text.starts_with(start)) return false;
    text.remove_prefix(start.size());
    return true;
}

/// A machine's name, as lxc, Incus and systemd take it.
bool is_machine_name(std::string_view name) {
    return !name.empty() && name.size() <= kNameBytesMax && is_alnum(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

Words split(std::string_view path) {
    Words words;
    while (!path.empty()) {
        const auto slash = std::min(path.find('/'), path.size());
        if (slash > 0) words.push_back(path.substr(0, slash));
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return words;
}

// --- Kubernetes ---

/// "0123abcd-....": a UUID with that separator, or the 32 digits that a static pod has.
std::optional<std::string> pod_uid_of(std::string_view text, char separator) {
    if (is_hex(text, 32)) return std::string(text);
    std::string uid;
    for (const std::size_t digits : {8, 4, 4, 4, 12}) {
        if (!uid.empty()) {
            if (text.empty() || text.front() != separator) return std::nullopt;
            text.remove_prefix(1);
            uid += '-';
        }
        if (!is_hex(text.substr(0, digits), digits)) return std::nullopt;
        uid += text.substr(0, digits);
        text.remove_prefix(digits);
    }
    return text.empty() ? std::optional(uid) : std::nullopt;
}

struct PodSlice {
    std::string uid;
    std::string_view parent;  ///< the slice's without ".slice"
};

/// "[kubelet-]kubepods[-burstable|-besteffort]-pod<uid>.slice"
std::optional<PodSlice> pod_slice_of(std::string_view name) {
    if (!drop_end(name, kSlice)) return std::nullopt;
    const auto at = name.rfind("-pod");
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view parent = name.substr(0, at);
    std::string_view root = parent;
    if (!drop_end(root, "-burstable")) drop_end(root, "-besteffort");
    if (root != "kubepods" && !root.ends_with("-kubepods")) return std::nullopt;
    auto uid = pod_uid_of(name.substr(at + 4), '_');
    if (!uid) return std::nullopt;
    return PodSlice{std::move(*uid), parent};
}

// --- systemd ---

bool is_unit_name(std::string_view name, std::string_view type) {
    if (name.size() > kUnitBytesMax || !drop_end(name, type) || name.empty()) return false;
    const auto at = name.find('@');
    // "name@.service" is a template and never runs.
    if (at == 0 || at == name.size() - 1) return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return is_alnum(c) || c == ':' || c == '-' || c == '_' || c == '.' || c == '\\' || c == '@';
    });
}

bool is_slice(std::string_view name) { return is_unit_name(name, kSlice); }

/// The unit whose group it is; systemd puts a '_' before names that the kernel uses.
std::optional<std::string_view> unit_of(std::string_view name) {
    drop_start(name, "_");
    for (const std::string_view type : {".service", ".scope", ".socket", ".mount", ".swap"})
        if (is_unit_name(name, type)) return name;
    return std::nullopt;
}

/// "user@1000.service": what is below belongs to that user.
bool is_user_manager(std::string_view unit) {
    if (!drop_start(unit, "user@") || !drop_end(unit, ".service")) return false;
    return !unit.empty() && unit.size() <= 10 &&
           std::all_of(unit.begin(), unit.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void find_units(const Words& words, Workload& found) {
    auto word = std::find_if_not(words.begin(), words.end(), is_slice);
    if (word == words.end()) return;
    const auto unit = unit_of(*word);
    if (!unit) return;
    found.unit = std::string(*unit);
    if (!is_user_manager(*unit)) return;
    word = std::find_if_not(word + 1, words.end(), is_slice);
    if (word == words.end()) return;
    if (const auto user_unit = unit_of(*word)) found.user_unit = std::string(*user_unit);
}

/// "web\x2d1" -> "web-1"
std::string unescaped(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name.substr(i).starts_with("\\x2d")) {
            out += '-';
            i += 3;
        } else {
            out += name[i];
        }
    }
    return out;
}

/// Of the unit that nspawn runs in, with the group "payload" below it.
std::optional<std::string> nspawn_machine(std::string_view unit) {
    const bool is_service = unit.starts_with("systemd-nspawn@");
    if (!drop_start(unit, "systemd-nspawn@") && !drop_start(unit, "machine-")) return std::nullopt;
    if (!drop_end(unit, is_service ? ".service" : kScope)) return std::nullopt;
    std::string name = unescaped(unit);
    return is_machine_name(name) ? std::optional(std::move(name)) : std::nullopt;
}

// --- containers ---

/// Goes down the path and takes what it can name.
class Walk {
public:
    Walk(const Words& words, Workload& found) : words_(words), found_(found) {}

    void run() {
        for (at_ = 0; at_ < words_.size(); ++at_) {
            const std::string_view name = words_[at_];
            look_for_pod(name);
            const bool is_inner = found_.container && at_ == start_ && (name == "container" || name == "ns");
            // crun's and lxc's own group for what runs inside is as good as the container's.
            if (look_for_container(name) || is_inner) {
                start_ = slices_ = at_ + 1;
                is_users_ = false;
            } else if (are_slices_above()) {
                const bool is_manager = before(1).ends_with(kSlice) && is_user_manager(name);
                is_users_ = is_users_ || is_manager;
                if (is_manager || name == ".." || is_slice(name)) slices_ = at_ + 1;
            }
        }
    }

private:
    /// The n-th above; ".." where it is not known, "" above the start.
    std::string_view before(std::size_t n) const {
        return at_ >= start_ + n ? words_[at_ - n] : std::string_view();
    }
    bool is_start(std::size_t n = 0) const {
        return at_ == start_ + n || (at_ > start_ + n && before(n + 1) == "..");
    }
    /// systemd's scopes and slices lie in slices and in nothing else.
    bool are_slices_above() const { return slices_ == at_; }
    bool is_below_unit() const { return slices_ + 1 == at_ && unit_of(before(1)); }

    void look_for_pod(std::string_view name) {
        if (is_users_) return;
        if (auto slice = are_slices_above() ? pod_slice_of(name) : std::nullopt) {
            std::string_view parent = before(1);
            if (parent == ".." || (drop_end(parent, kSlice) && parent == slice->parent)) {
                found_.pod_uid = std::move(slice->uid);
                pod_at_ = at_;
            }
        } else if (drop_start(name, "pod") && is_pods_group()) {
            if (auto uid = pod_uid_of(name, '-')) {
                found_.pod_uid = std::move(*uid);
                pod_at_ = at_;
            }
        }
    }

    /// Whether pods of the cgroupfs driver lie here: "[kubelet/]kubepods[/burstable|/besteffort]".
    bool is_pods_group() const {
        if (before(1) == "..") return true;
        const bool has_class = before(1) == "burstable" || before(1) == "besteffort";
        const std::size_t root = has_class ? 2 : 1;
        if (has_class && before(2) == "..") return true;
        return before(root) == "kubepods" &&
               (is_start(root) || (before(root + 1) == "kubelet" && is_start(root + 1)));
    }

    bool is_in_pod() const { return pod_at_ && at_ > 0 && *pod_at_ == at_ - 1; }

    bool look_for_container(std::string_view name) {
        return look_for_id(name) || look_for_sliced(name) || look_for_scope(name) || look_for_machine(name);
    }

    /// A bare id, or one with a word before it, as the cgroupfs drivers have them.
    bool look_for_id(std::string_view name) {
        if (is_id(name)) {
            if (is_in_pod()) return take(name, std::nullopt);
            for (const auto& [parent, runtime] : kBareParents)
                if (before(1) == parent && is_start(1)) return take(name, runtime);
            const bool is_ecs = before(2) == "ecs" && is_start(2);  // Amazon's agent: a group a task
            return is_ecs && take(name, ContainerRuntime::kDocker);
        }
        if (drop_start(name, "crio-"))
            return is_id(name) && is_in_pod() && take(name, ContainerRuntime::kCrio);
        if (drop_start(name, "libpod-payload-"))
            return is_id(name) && is_below_unit() && take(name, ContainerRuntime::kPodman);
        if (!drop_start(name, "libpod-")) return false;
        const bool is_podmans =
            before(1) == "libpod_parent" || (is_id(before(1)) && before(2) == "libpod_parent");
        return is_id(name) && is_podmans && take(name, ContainerRuntime::kPodman);
    }

    /// "<slice>:cri-containerd:<id>": the kubelet speaks to systemd, the runtime does not.
    bool look_for_sliced(std::string_view name) {
        const auto colon = name.find(':');
        if (colon == std::string_view::npos || !is_slice(name.substr(0, colon))) return false;
        const auto pod = pod_slice_of(name.substr(0, colon));
        name.remove_prefix(colon + 1);
        for (const auto& [prefix, runtime] : kScopePrefixes) {
            std::string_view id = name;
            if (!drop_start(id, prefix) || !drop_start(id, ":") || !is_id(id)) continue;
            if (is_users_ && (pod || is_cri(prefix))) return false;
            if (pod) found_.pod_uid = pod->uid;
            return take(id, runtime);
        }
        return false;
    }

    bool look_for_scope(std::string_view name) {
        if (!are_slices_above() || !drop_end(name, kScope)) return false;
        for (const auto& [prefix, runtime] : kScopePrefixes) {
            std::string_view id = name;
            if (!drop_start(id, prefix) || !drop_start(id, "-") || !is_id(id)) continue;
            return !(is_users_ && is_cri(prefix)) && take(id, runtime);
        }
        return false;
    }

    bool look_for_machine(std::string_view name) {
        if (name == "payload" && is_below_unit()) {
            const auto machine = nspawn_machine(before(1));
            return machine && take(*machine, ContainerRuntime::kNspawn);
        }
        if ((before(1) == "lxc" || before(1) == "lxc.payload") && is_start(1))
            return is_machine_name(name) && take(name, ContainerRuntime::kLxc);
        if (!drop_start(name, "lxc.payload.") || !is_machine_name(name)) return false;
        return (are_slices_above() || is_below_unit()) && take(name, ContainerRuntime::kLxc);
    }

    /// Made for the kubelet, which is root's.
    static bool is_cri(std::string_view prefix) { return prefix == "cri-containerd" || prefix == "crio"; }

    bool take(std::string_view id, std::optional<ContainerRuntime> runtime) {
        if (found_.container && !found_.outer_container) found_.outer_container = std::move(found_.container);
        found_.container = std::string(id);
        found_.runtime = runtime;
        return true;
    }

    const Words& words_;
    Workload& found_;
    std::size_t at_ = 0;
    std::size_t start_ = 0;   ///< of the tree, or of what is in the last container
    std::size_t slices_ = 0;  ///< from start_ up to here there are only slices
    std::optional<std::size_t> pod_at_;
    bool is_users_ = false;  ///< below a user's manager, and in no container there
};

}  // namespace

const char* container_runtime_name(ContainerRuntime runtime) {
    switch (runtime) {
        case ContainerRuntime::kDocker: return "docker";
        case ContainerRuntime::kContainerd: return "containerd";
        case ContainerRuntime::kCrio: return "cri-o";
        case ContainerRuntime::kPodman: return "podman";
        case ContainerRuntime::kLxc: return "lxc";
        case ContainerRuntime::kNspawn: break;
    }
    return "systemd-nspawn";
}

Workload workload_of_cgroup(std::string_view path) {
    Workload found;
    if (path.size() > kPathBytesMax || !path.starts_with('/')) return found;
    const Words words = split(path);
    Walk(words, found).run();
    if (!words.empty() && words.front() != "..") find_units(words, found);
    return found;
}

std::optional<std::string> choose_cgroup(std::string_view lines) {
    std::optional<std::string_view> version2, systemd, first, with_container;
    while (!lines.empty()) {
        const std::string_view line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
        const auto start = line.find(':');
        const auto end = start == std::string_view::npos ? start : line.find(':', start + 1);
        if (end == std::string_view::npos) continue;
        const auto controllers = line.substr(start + 1, end - start - 1);
        const auto path = line.substr(end + 1);
        if (!first) first = path;
        if (controllers == "name=systemd") systemd = path;
        if (controllers.empty() && path != "/") version2 = path;
        const bool is_better = !with_container || controllers.empty() || controllers == "name=systemd";
        if (is_better && workload_of_cgroup(path).container) with_container = path;
    }
    for (const auto& chosen : {with_container, version2, systemd, first})
        if (chosen) return std::string(*chosen);
    return std::nullopt;
}

std::string_view short_container_id(std::string_view container) {
    return is_id(container) ? container.substr(0, kShortIdDigits) : container;
}

bool is_container(std::string_view container, std::string_view wanted) {
    if (container == wanted) return true;
    return is_id(container) && wanted.size() >= kShortestPrefix && container.starts_with(wanted);
}

}  // namespace pipetrace
