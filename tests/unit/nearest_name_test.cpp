#include "model/nearest_name.h"

#include <gtest/gtest.h>

namespace pipetrace {
namespace {

const std::vector<std::string> kKinds = {"tcp", "unix", "pipe"};

TEST(NearestName, FindsWhatOneSlipAway) {
    EXPECT_EQ(nearest_name("pipes", kKinds), "pipe");
    EXPECT_EQ(nearest_name("tpc", kKinds), "tcp");  // neighbours swapped
    EXPECT_EQ(nearest_name("Unix", kKinds), "unix");
}

TEST(NearestName, SuggestsNothingWhereNothingIsNear) {
    EXPECT_EQ(nearest_name("elephant", kKinds), "");
    EXPECT_EQ(nearest_name("", kKinds), "");
    EXPECT_EQ(nearest_name("pipe", {}), "");
    EXPECT_EQ(nearest_name(std::string(100'000, 'p'), kKinds), "");
}

TEST(NearestName, LongerNamesMayHaveMoreSlips) {
    EXPECT_EQ(nearest_name("write_after_peer_closed", {"close_race", "write_after_peer_close"}),
              "write_after_peer_close");
    EXPECT_EQ(nearest_name("conection_refuse", {"connection_refused", "peer_reset"}), "connection_refused");
}

}  // namespace
}  // namespace pipetrace
