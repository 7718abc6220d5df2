// Reads the BTF format (kernel: Documentation/bpf/btf.rst) just far enough.
#include "source/kernel_btf.h"

#include "source/file_reader.h"
#include "source/name_filter.h"
#include "source/unique_fd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstring>

namespace pipetrace {
namespace {

constexpr std::string_view kTracepointPrefix = "btf_trace_";
// A typedef's chain to what it names is short; a damaged file must not loop.
constexpr int kTypeChainMax = 32;

template <typename T>
T read_at(std::span<const std::byte> bytes, std::size_t offset) {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(value));
    return value;
}

/// Bytes that follow struct btf_type; nothing for a kind of a later format.
std::optional<std::size_t> tail_size(std::uint32_t kind, std::uint32_t vlen) {
    switch (kind) {
        case BTF_KIND_INT:
        case BTF_KIND_VAR:
        case BTF_KIND_DECL_TAG:
            return sizeof(std::uint32_t);
        case BTF_KIND_ARRAY:
            return sizeof(btf_array);
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
            return vlen * sizeof(btf_member);
        case BTF_KIND_ENUM:
            return vlen * sizeof(btf_enum);
        case BTF_KIND_ENUM64:
            return vlen * sizeof(btf_enum64);
        case BTF_KIND_FUNC_PROTO:
            return vlen * sizeof(btf_param);
        case BTF_KIND_DATASEC:
            return vlen * sizeof(btf_var_secinfo);
        case BTF_KIND_PTR:
        case BTF_KIND_FWD:
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_CONST:
        case BTF_KIND_RESTRICT:
        case BTF_KIND_FUNC:
        case BTF_KIND_FLOAT:
        case BTF_KIND_TYPE_TAG:
            return 0;
        default:
            return std::nullopt;
    }
}

Error unreadable(const std::string& why) {
    return Error{"the kernel's type information (BTF) cannot be read", why,
                 "use a kernel whose BTF this version knows, or a newer pipetrace"};
}

}  // namespace

void KernelBtf::Unmap::operator()(void* start) const { ::munmap(start, size); }

Result<KernelBtf> KernelBtf::read(const std::string& path) {
    // Kernels from 6.16 map it, which spares the copy; /sys hands out a page a read.
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (fd && ::fstat(fd.get(), &status) == 0 && status.st_size > 0) {
        const auto size = static_cast<std::size_t>(status.st_size);
        void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
        if (start != MAP_FAILED) {
            KernelBtf btf;
            btf.mapping_ = {start, Unmap{size}};
            const auto status_of_index = btf.index({static_cast<const std::byte*>(start), size});
            if (!status_of_index) return status_of_index.error();
            return btf;
        }
    }
    auto bytes = read_whole_file(path);
    if (!bytes)
        return Error{"this kernel has no type information (BTF)", path + " cannot be read",
                     "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as the distributions' are"};
    return parse(std::move(*bytes));
}

Result<KernelBtf> KernelBtf::parse(std::string bytes) {
    KernelBtf btf;
    btf.bytes_ = std::move(bytes);
    const auto status = btf.index(std::as_bytes(std::span(btf.bytes_)));
    if (!status) return status.error();
    return btf;
}

Status KernelBtf::index(std::span<const std::byte> all) {
    if (all.size() < sizeof(btf_header)) return unreadable("the file is too short");
    const auto header = read_at<btf_header>(all, 0);
    if (header.magic != BTF_MAGIC) return unreadable("the file does not begin as BTF does");
    const std::uint64_t base = header.hdr_len;
    if (base + header.type_off + header.type_len > all.size() ||
        base + header.str_off + header.str_len > all.size())
        return unreadable("a section ends beyond the file");
    types_ = all.subspan(base + header.type_off, header.type_len);
    strings_ = all.subspan(base + header.str_off, header.str_len);
    if (strings_.empty() || strings_.back() != std::byte{0}) return unreadable("its last name has no end");
    if (!index_types()) return unreadable("it holds a kind of type that is not known");
    return Done{};
}

bool KernelBtf::index_types() {
    // About 35 bytes a type.
    offsets_.reserve(types_.size() / 32);
    offsets_.push_back(0);
    for (std::size_t offset = 0; offset + sizeof(btf_type) <= types_.size();) {
        const auto entry = read_at<btf_type>(types_, offset);
        const auto tail_bytes =
            tail_size(static_cast<std::uint32_t>(BTF_INFO_KIND(entry.info)), BTF_INFO_VLEN(entry.info));
        if (!tail_bytes || *tail_bytes > types_.size() - offset - sizeof(btf_type)) return false;
        offsets_.push_back(static_cast<std::uint32_t>(offset));
        offset += sizeof(btf_type) + *tail_bytes;
    }
    return true;
}

const char* KernelBtf::text_at(std::uint32_t offset) const {
    return offset < strings_.size() ? reinterpret_cast<const char*>(strings_.data()) + offset : "";
}

std::optional<btf_type> KernelBtf::type(std::uint32_t id) const {
    if (id == 0 || id >= offsets_.size()) return std::nullopt;
    return read_at<btf_type>(types_, offsets_[id]);
}

std::span<const std::byte> KernelBtf::tail(std::uint32_t id) const {
    const auto entry = read_at<btf_type>(types_, offsets_[id]);
    const auto bytes =
        tail_size(static_cast<std::uint32_t>(BTF_INFO_KIND(entry.info)), BTF_INFO_VLEN(entry.info));
    return types_.subspan(offsets_[id] + sizeof(btf_type), *bytes);
}

/// Follows typedef, pointer or function `id` to its prototype.
TargetFact KernelBtf::describe(std::uint32_t id, std::uint32_t skipped_arguments) const {
    TargetFact fact;
    fact.type_id = id;
    std::uint32_t at = id;
    auto current = type(at);
    for (int i = 0; i < kTypeChainMax && current; ++i) {
        if (BTF_INFO_KIND(current->info) == BTF_KIND_FUNC_PROTO) break;
        at = current->type;
        current = type(at);
    }
    if (!current || BTF_INFO_KIND(current->info) != BTF_KIND_FUNC_PROTO) return fact;
    const auto count = static_cast<std::uint32_t>(BTF_INFO_VLEN(current->info));
    fact.argument_count = count > skipped_arguments ? count - skipped_arguments : 0;
    if (count == 0) return fact;
    const auto last = read_at<btf_param>(tail(at), (count - 1) * sizeof(btf_param));
    const auto last_type = type(last.type);
    fact.last_is_enum = last_type && (BTF_INFO_KIND(last_type->info) == BTF_KIND_ENUM ||
                                      BTF_INFO_KIND(last_type->info) == BTF_KIND_ENUM64);
    return fact;
}

ScannedTargets KernelBtf::find(const FeatureRequest& request) const {
    std::vector<std::string> tracepoint_types;
    for (const auto name : request.tracepoints)
        tracepoint_types.push_back(std::string(kTracepointPrefix) + std::string(name));
    const NameFilter functions(request.functions), tracepoints(tracepoint_types), structs(request.structs);
    ScannedTargets found;
    for (std::uint32_t id = 1; id < type_count(); ++id) {
        const auto entry = read_at<btf_type>(types_, offsets_[id]);
        const auto kind = BTF_INFO_KIND(entry.info);
        if (kind == BTF_KIND_FUNC) {
            const char* text = text_at(entry.name_off);
            if (functions.holds(text)) found.functions.emplace(text, describe(id, 0));
        } else if (kind == BTF_KIND_STRUCT) {
            const char* text = text_at(entry.name_off);
            if (structs.holds(text)) found.structs.emplace(text, id);
        } else if (kind == BTF_KIND_TYPEDEF) {
            const char* text = text_at(entry.name_off);
            // The first argument of a tracepoint's prototype is its registration's own pointer.
            if (tracepoints.holds(text))
                found.tracepoints.emplace(text + kTracepointPrefix.size(), describe(id, 1));
        }
    }
    return found;
}

}  // namespace pipetrace
