// The reader of the kernel's type information, on types made for the purpose.
#include "source/kernel_btf.h"

#include "source/name_filter.h"

#include <bpf/btf.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>

namespace pipetrace {
namespace {

using OwnedBtf = std::unique_ptr<btf, decltype(&btf__free)>;

std::string bytes_of(const btf* types) {
    std::uint32_t size = 0;
    const void* raw = btf__raw_data(types, &size);
    return {static_cast<const char*>(raw), size};
}

/// struct inner { int value; }; struct far { int unseen; };
/// struct outer { struct inner in; struct far *out; }; enum why { WHY_NOT = 1 };
/// int hook(struct outer *, enum why); typedef void (*btf_trace_point)(struct far *, struct outer *);
std::string sample_btf() {
    const OwnedBtf types(btf__new_empty(), btf__free);
    auto* t = types.get();
    const int number = btf__add_int(t, "int", 4, BTF_INT_SIGNED);
    const int inner = btf__add_struct(t, "inner", 4);
    btf__add_field(t, "value", number, 0, 0);
    const int far = btf__add_struct(t, "far", 4);
    btf__add_field(t, "unseen", number, 0, 0);
    const int far_pointer = btf__add_ptr(t, far);
    const int outer = btf__add_struct(t, "outer", 16);
    btf__add_field(t, "in", inner, 0, 0);
    btf__add_field(t, "out", far_pointer, 64, 0);
    const int outer_pointer = btf__add_ptr(t, outer);
    const int why = btf__add_enum(t, "why", 4);
    btf__add_enum_value(t, "WHY_NOT", 1);
    const int hook = btf__add_func_proto(t, number);
    btf__add_func_param(t, "object", outer_pointer);
    btf__add_func_param(t, "reason", why);
    btf__add_func(t, "hook", BTF_FUNC_STATIC, hook);
    const int point = btf__add_func_proto(t, 0);
    btf__add_func_param(t, "registration", far_pointer);
    btf__add_func_param(t, "object", outer_pointer);
    const int point_pointer = btf__add_ptr(t, point);
    btf__add_typedef(t, "btf_trace_point", point_pointer);
    return bytes_of(t);
}

KernelBtf parsed(std::string bytes) {
    auto btf = KernelBtf::parse(std::move(bytes));
    EXPECT_TRUE(btf);
    return std::move(*btf);
}

TEST(KernelBtfTest, DescribesFunctionsAndTracepoints) {
    const auto btf = parsed(sample_btf());
    FeatureRequest request;
    request.functions = {"hook", "absent"};
    request.tracepoints = {"point", "absent"};
    request.structs = {"outer", "absent"};
    const auto found = btf.find(request);
    ASSERT_EQ(found.functions.size(), 1U);
    EXPECT_EQ(found.functions.at("hook").argument_count, 2U);
    EXPECT_TRUE(found.functions.at("hook").last_is_enum);
    EXPECT_GT(found.functions.at("hook").type_id, 0U);
    ASSERT_EQ(found.tracepoints.size(), 1U);
    EXPECT_EQ(found.tracepoints.at("point").argument_count, 1U);
    ASSERT_EQ(found.structs.size(), 1U);
    const auto outer = btf.type(found.structs.at("outer"));
    ASSERT_TRUE(outer);
    EXPECT_EQ(btf.name(outer->name_off), "outer");
}

TEST(KernelBtfTest, SubsetHoldsWhatIsHeldByValue) {
    const auto small = parsed(sample_btf()).subset({"outer", "why"});
    const OwnedBtf read(btf__new(small.data(), static_cast<std::uint32_t>(small.size())), btf__free);
    ASSERT_NE(read, nullptr);
    const int outer = btf__find_by_name_kind(read.get(), "outer", BTF_KIND_STRUCT);
    ASSERT_GT(outer, 0);
    const btf_type* type = btf__type_by_id(read.get(), static_cast<std::uint32_t>(outer));
    ASSERT_EQ(btf_vlen(type), 2);
    EXPECT_EQ(btf_members(type)[1].offset, 64U);
    const auto in = btf_members(type)[0].type;
    EXPECT_STREQ(btf__name_by_offset(read.get(), btf__type_by_id(read.get(), in)->name_off), "inner");
    EXPECT_GT(btf__find_by_name_kind(read.get(), "why", BTF_KIND_ENUM), 0);
    // Behind a pointer, and not asked for.
    EXPECT_LT(btf__find_by_name_kind(read.get(), "far", BTF_KIND_STRUCT), 0);
    EXPECT_LT(btf__find_by_name_kind(read.get(), "hook", BTF_KIND_FUNC), 0);
}

TEST(KernelBtfTest, NamesThatBeginAlikeAreToldApart) {
    const auto btf = parsed(sample_btf());
    FeatureRequest request;
    request.functions = {"hook_", "ho"};
    request.tracepoints = {"poin", "btf_trace_point"};
    EXPECT_TRUE(btf.find(request).functions.empty());
    EXPECT_TRUE(btf.find(request).tracepoints.empty());
    const NameFilter names(std::vector<std::string_view>{"hook", "h", ""});
    EXPECT_TRUE(names.holds("hook"));
    EXPECT_TRUE(names.holds("h"));
    EXPECT_TRUE(names.may_hold("hole"));
    EXPECT_FALSE(names.holds("hole"));
    EXPECT_FALSE(names.holds(""));
}

TEST(KernelBtfTest, MappedFileReadsAsItsBytesDo) {
    const std::string path = testing::TempDir() + "pipetrace_kernel_btf_test";
    const std::string whole = sample_btf();
    std::ofstream(path, std::ios::binary) << whole;
    const auto mapped = KernelBtf::read(path);
    std::remove(path.c_str());
    ASSERT_TRUE(mapped);
    EXPECT_EQ(mapped->type_count(), parsed(whole).type_count());
    EXPECT_EQ(mapped->subset({"outer"}), parsed(whole).subset({"outer"}));
}

TEST(KernelBtfTest, DamagedFilesAreRefused) {
    const std::string whole = sample_btf();
    EXPECT_FALSE(KernelBtf::parse(""));
    EXPECT_FALSE(KernelBtf::parse(std::string(64, 'x')));
    EXPECT_FALSE(KernelBtf::parse(whole.substr(0, whole.size() - 1)));
    EXPECT_FALSE(KernelBtf::parse(whole.substr(0, whole.size() - 1) + 'x')) << "a name without end";
    std::string strange = whole;
    strange[sizeof(btf_header) + 7] = '\x1f';  // the first type's kind
    const auto refused = KernelBtf::parse(strange);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().why.find("kind"), std::string::npos);
}

TEST(KernelBtfTest, MissingFileNamesTheKernelOption) {
    const auto missing = KernelBtf::read("/nonexistent/btf");
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().remedy.find("CONFIG_DEBUG_INFO_BTF"), std::string::npos);
}

}  // namespace
}  // namespace pipetrace
