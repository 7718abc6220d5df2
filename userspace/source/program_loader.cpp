// libbpf does the relocations; which programs it may touch is the plan's business.
#include "source/program_loader.h"

#include "pipetrace.skel.h"
#include "pipetrace_direct.skel.h"
#include "source/concurrent_loads.h"
#include "source/kernel_btf.h"
#include "source/program_targets.h"
#include "source/syscall_table.h"
#include "source/unique_fd.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <unordered_set>

namespace pipetrace {
namespace {

// A verifier's log can be a megabyte; its end tells.
constexpr std::size_t kLogBytesMax = 64 * 1024;

std::string& log_buffer() {
    static std::string log;
    return log;
}

int keep_message(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG) return 0;
    va_list again;
    va_copy(again, arguments);
    const int size = std::vsnprintf(nullptr, 0, format, again);
    va_end(again);
    if (size <= 0) return 0;
    std::string message(static_cast<std::size_t>(size) + 1, '\0');
    std::vsnprintf(message.data(), message.size(), format, arguments);
    message.pop_back();
    auto& log = log_buffer();
    log += message;
    if (log.size() > kLogBytesMax) log.erase(0, log.size() - kLogBytesMax);
    return size;
}

/// Which program libbpf complained of last: "prog 'NAME': why".
ProgramLoader::LoadFailure last_complaint(int error) {
    constexpr std::string_view kMark = "prog '";
    ProgramLoader::LoadFailure failure;
    failure.reason = std::strerror(error);
    const std::string_view log = log_buffer();
    const auto at = log.rfind(kMark);
    if (at == std::string_view::npos) return failure;
    const auto name = log.substr(at + kMark.size());
    failure.program = name.substr(0, name.find('\''));
    return failure;
}

bool is_iterator(const bpf_program* program) {
    return bpf_program__expected_attach_type(program) == BPF_TRACE_ITER;
}

/// The types that the programs name, for relocation: libbpf looks through all that it is given, once
/// for every type.
bool write_types(int fd, const KernelBtf& btf, const bpf_object* object) {
    const struct btf* own = bpf_object__btf(object);
    std::unordered_set<std::string_view> names;
    for (std::uint32_t id = 1; id < btf__type_cnt(own); ++id) {
        const btf_type* type = btf__type_by_id(own, id);
        const char* name = btf__name_by_offset(own, type->name_off);
        // What follows three underscores tells flavours of one type apart.
        std::string_view text = name ? name : "";
        text = text.substr(0, text.find("___"));
        if (!text.empty() && (btf_is_composite(type) || btf_is_any_enum(type))) names.insert(text);
    }
    const std::string file = btf.subset(names);
    return ::write(fd, file.data(), file.size()) == static_cast<ssize_t>(file.size());
}

/// Opens the object whose programs read as this kernel allows; that apart, the two are the same.
pipetrace_bpf* open_object(bool reads_directly, const bpf_object_open_opts& options) {
    static_assert(sizeof(pipetrace_bpf) == sizeof(pipetrace_direct_bpf));
    auto* opened = static_cast<pipetrace_bpf*>(std::calloc(1, sizeof(pipetrace_bpf)));
    if (opened == nullptr) return nullptr;
    int status = pipetrace_bpf__create_skeleton(opened);
    if (status == 0) {
        bpf_object_skeleton& skeleton = *opened->skeleton;
        if (reads_directly)
            skeleton.data = const_cast<void*>(pipetrace_direct_bpf__elf_bytes(&skeleton.data_sz));
        status = bpf_object__open_skeleton(&skeleton, &options);
    }
    if (status == 0) return opened;
    pipetrace_bpf__destroy(opened);
    errno = -status;
    return nullptr;
}

void fill_syscall_shapes(const bpf_map* map) {
    for (const auto& entry : syscall_table()) {
        const std::uint32_t key = entry.number;
        bpf_map__update_elem(map, &key, sizeof(key), &entry.shape, sizeof(entry.shape), BPF_ANY);
    }
}

/// The object's bytes are of no more use once the kernel has the programs. They are pages of the executable,
/// and come back from there if somebody reads them after all.
void drop_object_pages(const bpf_object_skeleton& skeleton) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto begin = reinterpret_cast<std::uintptr_t>(skeleton.data);
    const std::uintptr_t first = (begin + page - 1) / page * page;
    const std::uintptr_t end = (begin + skeleton.data_sz) / page * page;
    if (end > first) ::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
}

}  // namespace

const std::string& libbpf_log() { return log_buffer(); }

ProgramLoader::~ProgramLoader() { unload(); }

std::optional<ProgramLoader::LoadFailure> ProgramLoader::load(const HookPlan& plan, const KernelBtf& btf,
                                                              const KernelFeatures& features) {
    libbpf_set_print(keep_message);
    // Where the kernel refuses one, libbpf by itself says which and why.
    return load_once(plan, btf, features, true) ? load_once(plan, btf, features, false) : std::nullopt;
}

std::optional<ProgramLoader::LoadFailure> ProgramLoader::load_once(const HookPlan& plan, const KernelBtf& btf,
                                                                   const KernelFeatures& features,
                                                                   bool at_once) {
    unload();
    ConcurrentLoads loads;
    take_targets_from(features, at_once ? &loads : nullptr);
    // libbpf opens it when it loads: there is time to fill it.
    const UniqueFd types(::memfd_create("pipetrace-btf", MFD_CLOEXEC));
    const std::string types_path = "/proc/self/fd/" + std::to_string(types.get());
    LIBBPF_OPTS(bpf_object_open_opts, options);
    options.btf_custom_path = types ? types_path.c_str() : nullptr;
    skeleton_ = open_object(features.typed_reads.cast_function != 0, options);
    if (!skeleton_) return LoadFailure{"", std::strerror(errno)};
    if (types && !write_types(types.get(), btf, skeleton_->obj))
        return LoadFailure{"", std::string("copying the kernel's types: ") + std::strerror(errno)};
    skeleton_->rodata->pt_config = plan.config;
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton_->obj) {
        const std::string_view name = bpf_program__name(program);
        bpf_program__set_autoload(program, std::ranges::binary_search(plan.programs, name));
    }
    int status = pipetrace_bpf__load(skeleton_);
    if (status == 0 && !loads.finish()) status = -EINVAL;
    if (status != 0) {
        const auto failure = last_complaint(-status);
        unload();
        return failure;
    }
    drop_object_pages(*skeleton_->skeleton);
    fill_syscall_shapes(skeleton_->maps.syscall_shapes);
    return std::nullopt;
}

ProgramLoader::Failures ProgramLoader::attach() {
    Failures failures;
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton_->obj) {
        if (bpf_program__fd(program) < 0 || is_iterator(program)) continue;
        if (bpf_link* link = bpf_program__attach(program))
            links_.push_back(link);
        else
            failures.emplace(bpf_program__name(program),
                             std::string("attaching it: ") + std::strerror(errno));
    }
    return failures;
}

bool ProgramLoader::run_iterator(const char* program_name) {
    const bpf_program* program = bpf_object__find_program_by_name(skeleton_->obj, program_name);
    if (!program || bpf_program__fd(program) < 0) return false;
    bpf_link* link = bpf_program__attach_iter(program, nullptr);
    if (!link) return false;
    const UniqueFd iterator(bpf_iter_create(bpf_link__fd(link)));
    std::array<char, 256> unused{};
    ssize_t count = iterator ? 1 : -1;
    // The programs print nothing: one read runs them all, unless the kernel makes a pause (EAGAIN).
    while (count > 0 || (count < 0 && iterator && (errno == EAGAIN || errno == EINTR)))
        count = ::read(iterator.get(), unused.data(), unused.size());
    bpf_link__destroy(link);
    return count == 0;
}

void ProgramLoader::forget_loading(const char* iterator_name) {
    if (bpf_program* iterator = bpf_object__find_program_by_name(skeleton_->obj, iterator_name))
        bpf_program__unload(iterator);
    struct btf* types = bpf_object__btf(skeleton_->obj);
    const UniqueFd unneeded(btf__fd(types));
    btf__set_fd(types, -1);
}

template <typename Look>
void ProgramLoader::for_each_hook(Look look) const {
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton_->obj) {
        if (bpf_program__fd(program) < 0 || is_iterator(program)) continue;
        const std::string_view section = bpf_program__section_name(program);
        look(program, std::string(section.substr(section.find('/') + 1)));
    }
}

std::set<std::string> ProgramLoader::hooks() const {
    std::set<std::string> hooks;
    for_each_hook([&](const bpf_program*, std::string hook) { hooks.insert(std::move(hook)); });
    return hooks;
}

std::map<std::string, std::uint64_t> ProgramLoader::misses() const {
    std::map<std::string, std::uint64_t> misses;
    for_each_hook([&](const bpf_program* program, const std::string& hook) {
        bpf_prog_info info{};
        std::uint32_t size = sizeof(info);
        // Older kernels leave what they do not know at zero.
        if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) return;
        if (info.recursion_misses > 0) misses[hook] += info.recursion_misses;
    });
    return misses;
}

void ProgramLoader::detach() {
    for (bpf_link* link : links_) bpf_link__destroy(link);
    links_.clear();
}

void ProgramLoader::unload() {
    detach();
    if (skeleton_) pipetrace_bpf__destroy(skeleton_);
    skeleton_ = nullptr;
}

}  // namespace pipetrace
