// Copies types out of the kernel's BTF into a small BTF of their own.
#include "source/kernel_btf.h"
#include "source/name_filter.h"

#include <cstring>
#include <unordered_map>

namespace pipetrace {
namespace {

template <typename T>
void append(std::string& out, const T& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

class SubsetWriter {
public:
    explicit SubsetWriter(const KernelBtf& whole) : whole_(whole) {}

    /// The id in the subset; the copy itself is made by finish().
    std::uint32_t take(std::uint32_t id);
    std::string finish();

private:
    void copy(std::uint32_t id);
    void copy_members(std::uint32_t id, std::uint32_t count);
    void copy_values(std::uint32_t id, std::uint32_t count, std::size_t value_bytes);
    std::uint32_t text(std::uint32_t offset);

    const KernelBtf& whole_;
    std::vector<std::uint32_t> taken_;  // ids in the whole, in the order of their new ids
    std::unordered_map<std::uint32_t, std::uint32_t> new_ids_;
    std::unordered_map<std::string_view, std::uint32_t> text_offsets_;
    std::string types_;
    std::string strings_{'\0'};
};

std::uint32_t SubsetWriter::take(std::uint32_t id) {
    if (id == 0) return 0;
    const auto [at, is_new] = new_ids_.emplace(id, static_cast<std::uint32_t>(taken_.size() + 1));
    if (is_new) taken_.push_back(id);
    return at->second;
}

std::uint32_t SubsetWriter::text(std::uint32_t offset) {
    const auto value = whole_.name(offset);
    if (value.empty()) return 0;
    const auto [at, is_new] = text_offsets_.emplace(value, static_cast<std::uint32_t>(strings_.size()));
    if (is_new) strings_.append(value).push_back('\0');
    return at->second;
}

void SubsetWriter::copy_members(std::uint32_t id, std::uint32_t count) {
    const auto tail = whole_.tail(id);
    for (std::uint32_t i = 0; i < count; ++i) {
        btf_member member{};
        std::memcpy(&member, tail.data() + i * sizeof(member), sizeof(member));
        member.name_off = text(member.name_off);
        member.type = take(member.type);
        append(types_, member);
    }
}

/// struct btf_enum and struct btf_enum64 both begin with the name.
void SubsetWriter::copy_values(std::uint32_t id, std::uint32_t count, std::size_t value_bytes) {
    const auto tail = whole_.tail(id);
    for (std::uint32_t i = 0; i < count; ++i) {
        std::string value(reinterpret_cast<const char*>(tail.data()) + i * value_bytes, value_bytes);
        std::uint32_t name_offset = 0;
        std::memcpy(&name_offset, value.data(), sizeof(name_offset));
        name_offset = text(name_offset);
        std::memcpy(value.data(), &name_offset, sizeof(name_offset));
        types_ += value;
    }
}

void SubsetWriter::copy(std::uint32_t id) {
    btf_type entry = *whole_.type(id);
    const auto count = static_cast<std::uint32_t>(BTF_INFO_VLEN(entry.info));
    const auto tail = whole_.tail(id);
    entry.name_off = text(entry.name_off);
    switch (BTF_INFO_KIND(entry.info)) {
        case BTF_KIND_PTR:
            entry.type = 0;
            append(types_, entry);
            break;
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
            append(types_, entry);
            copy_members(id, count);
            break;
        case BTF_KIND_ARRAY: {
            btf_array array{};
            std::memcpy(&array, tail.data(), sizeof(array));
            array.type = take(array.type);
            array.index_type = take(array.index_type);
            append(types_, entry);
            append(types_, array);
            break;
        }
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64:
            append(types_, entry);
            copy_values(id, count, count > 0 ? tail.size() / count : 0);
            break;
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_CONST:
        case BTF_KIND_RESTRICT:
        case BTF_KIND_TYPE_TAG:
            entry.type = take(entry.type);
            append(types_, entry);
            break;
        default:  // integers, floats and declarations stand for themselves
            append(types_, entry);
            types_.append(reinterpret_cast<const char*>(tail.data()), tail.size());
    }
}

std::string SubsetWriter::finish() {
    // Copying takes more: the list grows while it is walked.
    for (std::size_t i = 0; i < taken_.size(); ++i) copy(taken_[i]);
    btf_header header{};
    header.magic = BTF_MAGIC;
    header.version = BTF_VERSION;
    header.hdr_len = sizeof(header);
    header.type_len = static_cast<std::uint32_t>(types_.size());
    header.str_off = header.type_len;
    header.str_len = static_cast<std::uint32_t>(strings_.size());
    std::string file;
    append(file, header);
    return file + types_ + strings_;
}

}  // namespace

std::string KernelBtf::subset(const std::unordered_set<std::string_view>& names) const {
    SubsetWriter writer(*this);
    const NameFilter wanted(names);
    for (std::uint32_t id = 1; id < type_count(); ++id) {
        btf_type entry;
        std::memcpy(&entry, types_.data() + offsets_[id], sizeof(entry));
        switch (BTF_INFO_KIND(entry.info)) {
            case BTF_KIND_STRUCT:
            case BTF_KIND_UNION:
            case BTF_KIND_ENUM:
            case BTF_KIND_ENUM64:
                if (wanted.holds(text_at(entry.name_off))) writer.take(id);
        }
    }
    return writer.finish();
}

}  // namespace pipetrace
