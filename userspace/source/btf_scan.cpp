// Reads the BTF format (kernel: Documentation/bpf/btf.rst) just far enough for names and argument lists.
#include "source/btf_scan.h"

#include "source/file_reader.h"

#include <linux/btf.h>

#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

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

class Scanner {
public:
    Scanner(std::span<const std::byte> types, std::span<const std::byte> strings)
        : types_(types), strings_(strings) {}

    bool run(const FeatureRequest& request, ScannedTargets& found);

private:
    std::string_view name(const btf_type& type) const;
    std::optional<btf_type> type(std::uint32_t id) const;
    TargetFact describe(std::uint32_t id, std::uint32_t skipped_arguments) const;

    std::span<const std::byte> types_;
    std::span<const std::byte> strings_;
    std::vector<std::uint32_t> offsets_{0};  // by type id; 0 is void
};

std::string_view Scanner::name(const btf_type& type) const {
    if (type.name_off >= strings_.size()) return {};
    const char* start = reinterpret_cast<const char*>(strings_.data()) + type.name_off;
    return {start, ::strnlen(start, strings_.size() - type.name_off)};
}

std::optional<btf_type> Scanner::type(std::uint32_t id) const {
    if (id == 0 || id >= offsets_.size()) return std::nullopt;
    return read_at<btf_type>(types_, offsets_[id]);
}

/// Follows typedef, pointer or function `id` to its prototype.
TargetFact Scanner::describe(std::uint32_t id, std::uint32_t skipped_arguments) const {
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
    const auto last = read_at<btf_param>(
        types_, offsets_[at] + sizeof(btf_type) + (count - 1) * sizeof(btf_param));
    const auto last_type = type(last.type);
    fact.last_is_enum = last_type && (BTF_INFO_KIND(last_type->info) == BTF_KIND_ENUM ||
                                      BTF_INFO_KIND(last_type->info) == BTF_KIND_ENUM64);
    return fact;
}

bool Scanner::run(const FeatureRequest& request, ScannedTargets& found) {
    const std::unordered_set<std::string_view> functions(request.functions.begin(),
                                                         request.functions.end());
    const std::unordered_set<std::string_view> tracepoints(request.tracepoints.begin(),
                                                           request.tracepoints.end());
    std::vector<std::pair<std::string_view, std::uint32_t>> hits;
    for (std::size_t offset = 0; offset + sizeof(btf_type) <= types_.size();) {
        const auto entry = read_at<btf_type>(types_, offset);
        const auto kind = static_cast<std::uint32_t>(BTF_INFO_KIND(entry.info));
        const auto tail = tail_size(kind, BTF_INFO_VLEN(entry.info));
        if (!tail || *tail > types_.size() - offset - sizeof(btf_type)) return false;
        const auto id = static_cast<std::uint32_t>(offsets_.size());
        offsets_.push_back(static_cast<std::uint32_t>(offset));
        offset += sizeof(btf_type) + *tail;
        if (kind != BTF_KIND_FUNC && kind != BTF_KIND_TYPEDEF) continue;
        const std::string_view text = name(entry);
        const bool is_wanted = kind == BTF_KIND_FUNC
                                   ? functions.contains(text)
                                   : text.starts_with(kTracepointPrefix) &&
                                         tracepoints.contains(text.substr(kTracepointPrefix.size()));
        if (is_wanted) hits.emplace_back(text, id);
    }
    for (const auto& [text, id] : hits) {
        if (text.starts_with(kTracepointPrefix))
            // The first argument of a tracepoint's prototype is its registration's own pointer.
            found.tracepoints.emplace(text.substr(kTracepointPrefix.size()), describe(id, 1));
        else
            found.functions.emplace(text, describe(id, 0));
    }
    return true;
}

Error unreadable(const std::string& why) {
    return Error{"the kernel's type information (BTF) cannot be read", why,
                 "use a kernel whose BTF this version knows, or a newer pipetrace"};
}

}  // namespace

Result<ScannedTargets> scan_btf(std::span<const std::byte> btf, const FeatureRequest& request) {
    if (btf.size() < sizeof(btf_header)) return unreadable("the file is too short");
    const auto header = read_at<btf_header>(btf, 0);
    if (header.magic != BTF_MAGIC) return unreadable("the file does not begin as BTF does");
    const std::uint64_t base = header.hdr_len;
    if (base + header.type_off + header.type_len > btf.size() ||
        base + header.str_off + header.str_len > btf.size())
        return unreadable("a section ends beyond the file");
    Scanner scanner(btf.subspan(base + header.type_off, header.type_len),
                    btf.subspan(base + header.str_off, header.str_len));
    ScannedTargets found;
    if (!scanner.run(request, found)) return unreadable("it holds a kind of type that is not known");
    return found;
}

Result<ScannedTargets> scan_kernel_btf(const std::string& path, const FeatureRequest& request) {
    const auto bytes = read_whole_file(path);
    if (!bytes)
        return Error{"this kernel has no type information (BTF)", path + " cannot be read",
                     "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as the distributions' are"};
    return scan_btf(std::as_bytes(std::span(*bytes)), request);
}

}  // namespace pipetrace
