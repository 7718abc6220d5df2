// Bytes that are no record, of this layout or of any.
#include "decode/decoder.h"

#include "pipetrace_abi.h"

#include <gtest/gtest.h>

#include <cstring>
#include <algorithm>
#include <map>
#include <random>
#include <span>
#include <vector>

namespace pipetrace {
namespace {

/// In a buffer of exactly its size: a read beyond it is seen by the address sanitizer.
std::variant<Event, DecodeError> decode(const std::vector<std::byte>& bytes) {
    return Decoder(250).decode(std::span(bytes.data(), bytes.size()));
}

std::vector<std::byte> bytes_of(std::uint16_t kind, std::size_t header_size, std::size_t real_size) {
    pt_header header;
    std::memset(&header, 0, sizeof(header));
    header.kind = kind;
    header.size = static_cast<__u16>(header_size);
    std::vector<std::byte> bytes(real_size);
    if (real_size > 0) std::memcpy(bytes.data(), &header, std::min(sizeof(header), real_size));
    return bytes;
}

const std::map<std::uint16_t, std::size_t>& sizes() {
    static const std::map<std::uint16_t, std::size_t> kSizes{
        {PT_RESET_RECEIVED, sizeof(pt_reset_received)},
        {PT_RESET_SENT, sizeof(pt_reset_sent)},
        {PT_ERROR_RAISED, sizeof(pt_error_raised)},
        {PT_CALL_FAILED, sizeof(pt_call_failed)},
        {PT_SIGPIPE_GENERATED, sizeof(pt_sigpipe_generated)},
        {PT_SIGPIPE_DELIVERED, sizeof(pt_sigpipe_delivered)},
        {PT_ENDPOINT_REMEMBERED, sizeof(pt_endpoint_remembered)},
        {PT_STATE_CHANGED, sizeof(pt_state_changed)},
        {PT_ENDPOINT_DESTROYED, sizeof(pt_endpoint_destroyed)},
        {PT_FAILURES_COUNTED, sizeof(pt_failures_counted)},
        {PT_OTHER_END_SEEN, sizeof(pt_other_end_seen)},
        {PT_UNIX_NAMED, sizeof(pt_unix_named)},
        {PT_PACKET_FILTERED, sizeof(pt_packet_filtered)},
        {PT_PROCESS_FORKED, sizeof(pt_process_forked)},
        {PT_PROCESS_EXECUTED, sizeof(pt_process_executed)},
        {PT_PROCESS_EXITED, sizeof(pt_process_exited)},
        {PT_SAMPLING_CHANGED, sizeof(pt_sampling_changed)},
    };
    return kSizes;
}

bool is_error(const std::variant<Event, DecodeError>& decoded, DecodeError error) {
    const DecodeError* met = std::get_if<DecodeError>(&decoded);
    return met != nullptr && *met == error;
}

TEST(DecoderBadInput, KnowsEveryKind) {
    ASSERT_EQ(sizes().size(), PT_RECORD_KIND_COUNT - 1U);
    for (const auto& [kind, size] : sizes()) {
        EXPECT_TRUE(std::holds_alternative<Event>(decode(bytes_of(kind, size, size)))) << kind;
    }
}

TEST(DecoderBadInput, LessThanAHeaderIsTooShort) {
    for (std::size_t size = 0; size < sizeof(pt_header); ++size) {
        EXPECT_TRUE(is_error(decode(bytes_of(PT_PROCESS_EXITED, size, size)), DecodeError::kTooShort)) << size;
    }
}

TEST(DecoderBadInput, OtherSizesThanTheKindsAreRefused) {
    for (const auto& [kind, size] : sizes()) {
        for (const std::size_t wrong : {sizeof(pt_header) - 1, size - 1, size + 1, size + 8}) {
            if (wrong < sizeof(pt_header)) continue;
            EXPECT_TRUE(is_error(decode(bytes_of(kind, wrong, wrong)), DecodeError::kWrongSize)) << kind;
        }
        EXPECT_TRUE(is_error(decode(bytes_of(kind, size, size + 8)), DecodeError::kWrongSize))
            << "the header lies: " << kind;
        EXPECT_TRUE(is_error(decode(bytes_of(kind, size + 8, size)), DecodeError::kWrongSize)) << kind;
    }
}

TEST(DecoderBadInput, UnknownKindsAreRefused) {
    const std::uint16_t unknown[] = {0, PT_RECORD_KIND_COUNT, 99, 0xffff};
    for (const std::uint16_t kind : unknown) {
        EXPECT_TRUE(is_error(decode(bytes_of(kind, sizeof(pt_header), sizeof(pt_header))),
                             DecodeError::kUnknownKind));
    }
}

TEST(DecoderBadInput, RandomBytesNeverCrash) {
    constexpr std::uint32_t kSeed = 20240501;
    constexpr int kRounds = 20'000;
    std::mt19937 random(kSeed);
    std::uniform_int_distribution<int> byte(0, 255);
    std::uniform_int_distribution<std::size_t> length(0, 400);
    std::size_t decoded = 0;
    for (int round = 0; round < kRounds; ++round) {
        std::vector<std::byte> bytes(length(random));
        for (std::byte& one : bytes) one = static_cast<std::byte>(byte(random));
        if (round % 2 == 0) {  // half of them with a header that fits: the body is read
            auto kind = sizes().begin();
            std::advance(kind, round / 2 % static_cast<int>(sizes().size()));
            bytes.resize(kind->second, std::byte{0xff});
            const __u16 numbers[2] = {kind->first, static_cast<__u16>(kind->second)};
            std::memcpy(bytes.data(), numbers, sizeof(numbers));
        }
        decoded += std::holds_alternative<Event>(decode(bytes)) ? 1U : 0U;
    }
    EXPECT_GE(decoded, kRounds / 2U) << "seed " << kSeed;
}

}  // namespace
}  // namespace pipetrace
