#include "app/incident_filter.h"

#include "sample_incident.h"

#include <gtest/gtest.h>

#include <functional>

namespace pipetrace {
namespace {

using testing::sample_incident;

bool wants(const std::function<void(IncidentFilter&)>& set, const Incident& incident = sample_incident()) {
    IncidentFilter filter;
    set(filter);
    return IncidentChooser(filter).wants(incident);
}

TEST(IncidentFilter, AskingForNothingTakesEveryVictim) {
    EXPECT_TRUE(wants([](IncidentFilter&) {}));
    Incident origin = sample_incident();
    origin.role = Role::kOrigin;
    EXPECT_FALSE(wants([](IncidentFilter&) {}, origin));
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.include_origin = true; }, origin));
}

TEST(IncidentFilter, SelectsByProcess) {
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.tgids = {1, 4242}; }));
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.tgids = {4240}; })) << "the peer is evidence";
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.comms = {"python3"}; }));
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.comms = {"python"}; })) << "exact";
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.uids = {1000}; }));
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.uids = {0}; }));
    Incident nobody = sample_incident();
    nobody.process = {};
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.tgids = {4242}; }, nobody));
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.uids = {0}; }, nobody));
}

TEST(IncidentFilter, FollowsChildren) {
    IncidentFilter filter;
    filter.tgids = {1};
    IncidentChooser chooser(filter);
    EXPECT_FALSE(chooser.wants(sample_incident()));
    chooser.add_traced(4242);
    EXPECT_TRUE(chooser.wants(sample_incident()));
}

TEST(IncidentFilter, SelectsByThreadName) {
    Incident incident = sample_incident();
    incident.errors[0].thread = "worker-1";
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.comms = {"worker-1"}; }, incident));
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.comms = {"worker-2"}; }, incident));
}

TEST(IncidentFilter, SelectsByPort) {
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.ports = {2222}; }));
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.ports = {50870}; }));
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.ports = {222}; }));
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.local_ports = {50870}; }));
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.local_ports = {2222}; }));
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.remote_ports = {2222}; }));
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.remote_ports = {50870}; }));
    Incident v6 = sample_incident();
    v6.endpoint.remote = "[::1]:443";
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.remote_ports = {443}; }, v6));
    Incident pipe = sample_incident();
    pipe.endpoint.local = "pipe:[2222]";
    pipe.endpoint.remote.reset();
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.ports = {2222}; }, pipe)) << "an inode is no port";
}

TEST(IncidentFilter, SelectsByKindErrnoCauseAndSeverity) {
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.kinds = {EndpointKind::kTcp}; }));
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.kinds = {EndpointKind::kPipe}; }));
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.errnos = {104, 32}; }));
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.errnos = {104}; }));
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.causes = {Cause::kWriteAfterPeerClose}; }));
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.causes = {Cause::kUnknown}; }));
    EXPECT_TRUE(wants([](IncidentFilter& filter) { filter.severities = {Severity::kFault}; }));
    EXPECT_FALSE(wants([](IncidentFilter& filter) { filter.severities = {Severity::kBenign}; }));
}

TEST(IncidentFilter, SelectsByCgroup) {
    Incident incident = sample_incident();
    incident.process.details.cgroup = "/system.slice/nginx.service";
    const auto cgroup = [&](const char* wanted) {
        return wants([&](IncidentFilter& filter) { filter.cgroups = {wanted}; }, incident);
    };
    EXPECT_TRUE(cgroup("/system.slice/nginx.service"));
    EXPECT_TRUE(cgroup("/system.slice"));
    EXPECT_TRUE(cgroup("/system.slice/"));
    EXPECT_TRUE(cgroup("nginx.service"));
    EXPECT_TRUE(cgroup("system.slice"));
    EXPECT_TRUE(cgroup("/"));
    EXPECT_FALSE(cgroup("/system"));
    EXPECT_FALSE(cgroup("ginx.service"));
    EXPECT_FALSE(cgroup("/system.slice/nginx.service/worker"));
    incident.process.details.cgroup.reset();
    EXPECT_FALSE(cgroup("/")) << "not known is not wanted";
}

TEST(IncidentFilter, SelectsByContainer) {
    Incident incident = sample_incident();
    const std::string pod = "2fc932ce-fdcc-454b-97bd-aadfdeb4c340";
    incident.process.details.container = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    incident.process.details.outer_container = "web-1";
    incident.process.details.pod_uid = pod;
    const auto container = [&](const char* wanted) {
        return wants([&](IncidentFilter& filter) { filter.containers = {wanted}; }, incident);
    };
    EXPECT_TRUE(container("0123456789ab"));
    EXPECT_TRUE(container("0123"));
    EXPECT_TRUE(container("web-1"));
    EXPECT_TRUE(container(pod.c_str()));
    EXPECT_FALSE(container("012")) << "too short to be meant";
    EXPECT_FALSE(container("1234"));
    EXPECT_FALSE(container("web-"));
    EXPECT_FALSE(container("2fc932ce"));
    incident.process.details.set_cgroup("/system.slice/nginx.service");
    EXPECT_FALSE(container("0123"));
    EXPECT_FALSE(container(""));
}

TEST(IncidentFilter, DifferentFiltersAreAllRequired) {
    const auto both = [](std::uint16_t port) {
        return wants([&](IncidentFilter& filter) {
            filter.comms = {"nginx", "python3"};
            filter.remote_ports = {port};
        });
    };
    EXPECT_TRUE(both(2222));
    EXPECT_FALSE(both(443));
}

}  // namespace
}  // namespace pipetrace
