#include "diagnose/wording.h"

#include "model/quantity_text.h"
#include "sample_incident.h"

#include <gtest/gtest.h>

namespace pipetrace {
namespace {

using testing::kSampleAt;
using testing::sample_incident;

TEST(Wording, NamesTheVictim) {
    Incident incident = sample_incident();
    EXPECT_EQ(victim_name(incident), "python3[4242]");
    incident.process.comm.reset();
    EXPECT_EQ(victim_name(incident), "?[4242]");
    incident.process.tgid.reset();
    EXPECT_EQ(victim_name(incident), "the program");
}

TEST(Wording, NamesThePeerAsFarAsItIsKnown) {
    Incident incident = sample_incident();
    EXPECT_EQ(peer_name(incident), "python3[4240]");
    incident.peer.reset();
    EXPECT_EQ(peer_name(incident), "the peer 127.0.0.1:2222");
    incident.endpoint.remote.reset();
    EXPECT_EQ(peer_name(incident), "the peer");
    incident.endpoint.kind = EndpointKind::kPipe;
    EXPECT_EQ(peer_name(incident), "the last reader");
}

TEST(Wording, SaysHowLongBefore) {
    const Incident incident = sample_incident();
    EXPECT_EQ(earlier_text(incident, kSampleAt - 1'000'000'000), " " + duration_text(1'000'000) + " earlier");
    EXPECT_EQ(earlier_text(incident, Ktime{}), "") << "not known";
    EXPECT_EQ(earlier_text(incident, kSampleAt + 1), "") << "not before";
}

TEST(Wording, SaysWhatTheProgramWasTold) {
    Incident incident = sample_incident();
    EXPECT_EQ(told_text(incident), "EPIPE from sendto");
    incident.errors[0].syscall.reset();
    EXPECT_EQ(told_text(incident), "EPIPE");
    incident.errors.clear();
    EXPECT_EQ(told_text(incident), "nothing");
}

TEST(Wording, AdvisesOnSigpipeWhereItMatters) {
    Incident incident = sample_incident();
    const auto advice = [&](std::optional<SigpipeFate> fate) {
        incident.sigpipe = fate;
        return sigpipe_advice(incident);
    };
    EXPECT_NE(advice(SigpipeFate::kKilled).find("MSG_NOSIGNAL"), std::string::npos);
    EXPECT_NE(advice(SigpipeFate::kBlocked).find("pending"), std::string::npos);
    EXPECT_NE(advice(SigpipeFate::kIgnored), "");
    EXPECT_EQ(advice(SigpipeFate::kHandled), "");
    EXPECT_EQ(advice(SigpipeFate::kNone), "");
    EXPECT_EQ(advice(std::nullopt), "");
}

}  // namespace
}  // namespace pipetrace
