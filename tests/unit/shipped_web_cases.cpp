// nginx, HAProxy and other proxies, databases.
#include "shipped_cases.h"

#include <csignal>

namespace pipetrace::testing {
namespace {

using Facts = FailureFacts;

Facts nginx(Cause cause) { return Facts("nginx", cause); }
Facts client_of(const char* server, Cause cause) { return Facts("wrk", cause).peer(server); }
Facts upstream_of(const char* proxy, Cause cause) { return Facts("app", cause).server().peer(proxy); }
Facts postgres(Cause cause) { return Facts("postgres", cause).server().peer("psql"); }
Facts pool_of(const char* server, Cause cause) { return Facts("app", cause).peer(server, PeerAction::kExit); }

}  // namespace

std::vector<RowCase> nginx_cases() {
    return {
        {"nginx-client-left", nginx(Cause::kPeerReset).server(), nginx(Cause::kPeerReset)},
        {"nginx-client-silent", nginx(Cause::kRetransmissionTimeout).server(),
         nginx(Cause::kRetransmissionTimeout)},
        {"nginx-upstream-refused", nginx(Cause::kConnectionRefused), Facts("wrk", Cause::kConnectionRefused)},
        {"nginx-upstream-keepalive", nginx(Cause::kCloseRace).peer("node"),
         nginx(Cause::kCloseRace).peer("node").server()},
        {"nginx-upstream-reset", nginx(Cause::kPeerAbortiveClose).peer("node"),
         nginx(Cause::kPeerAbortiveClose).peer("node").older_than_trace()},
        {"nginx-upstream-silent", nginx(Cause::kRetransmissionTimeout),
         nginx(Cause::kRetransmissionTimeout).server()},
        {"nginx-keepalive", client_of("nginx", Cause::kCloseRace).open_ms(75'000),
         client_of("nginx", Cause::kCloseRace).open_ms(2).server()},
        {"nginx-unread-request", client_of("nginx", Cause::kPeerClosedUnreadData),
         upstream_of("nginx", Cause::kPeerClosedUnreadData)},
        {"nginx-closes-busy", client_of("nginx", Cause::kWriteAfterPeerClose).open_ms(2),
         client_of("apache2", Cause::kWriteAfterPeerClose).open_ms(2)},
        {"nginx-leaves-upstream", upstream_of("nginx", Cause::kWriteAfterPeerClose).open_ms(60'000),
         client_of("nginx", Cause::kWriteAfterPeerClose).open_ms(60'000)},
    };
}

std::vector<RowCase> proxy_cases() {
    return {
        {"haproxy-health-check",
         upstream_of("haproxy", Cause::kPeerAbortiveClose).received(0).sent(0).age_ms(1).benign(),
         upstream_of("haproxy", Cause::kPeerAbortiveClose).received(400).age_ms(1)},
        {"haproxy-server-timeout", upstream_of("haproxy", Cause::kWriteAfterPeerClose).open_ms(30'000),
         upstream_of("haproxy", Cause::kWriteAfterPeerClose).idle_ms(30'000).open_ms(3)},
        {"haproxy-client-timeout", client_of("haproxy", Cause::kWriteAfterPeerClose).open_ms(50'000),
         client_of("haproxy", Cause::kWriteAfterPeerClose).open_ms(1)},
        {"haproxy-client-left", Facts("haproxy", Cause::kPeerReset).server(),
         Facts("haproxy", Cause::kPeerReset)},
        {"haproxy-server-left", Facts("haproxy", Cause::kPeerReset),
         Facts("haproxy", Cause::kPeerReset).server()},
        {"haproxy-refused", Facts("haproxy", Cause::kConnectionRefused),
         Facts("nc", Cause::kConnectionRefused)},
        {"apache-keepalive", client_of("apache2", Cause::kCloseRace).open_ms(5'000),
         client_of("apache2", Cause::kCloseRace).open_ms(5)},
        {"apache-unread-request", client_of("apache2", Cause::kPeerClosedUnreadData),
         upstream_of("apache2", Cause::kPeerClosedUnreadData)},
        {"apache-client-left", Facts("apache2", Cause::kPeerReset).server(),
         Facts("apache2", Cause::kPeerReset)},
        {"envoy-idle", client_of("envoy", Cause::kWriteAfterPeerClose).open_ms(3'600'000),
         client_of("envoy", Cause::kWriteAfterPeerClose).open_ms(3)},
        {"envoy-upstream", Facts("envoy", Cause::kCloseRace).peer("node"),
         Facts("envoy", Cause::kCloseRace).peer("node").server()},
    };
}

std::vector<RowCase> database_cases() {
    return {
        {"postgres-client-left-long-ago", postgres(Cause::kWriteAfterPeerClose).idle_ms(8'000),
         postgres(Cause::kWriteAfterPeerClose).idle_ms(8)},
        {"postgres-client-left", postgres(Cause::kPeerClosedUnreadData),
         postgres(Cause::kPeerClosedUnreadData).caused()},
        {"postgres-client-vanished", postgres(Cause::kRetransmissionTimeout),
         postgres(Cause::kRetransmissionTimeout).caused()},
        {"postgres-ends-idle-session", pool_of("postgres", Cause::kWriteAfterPeerClose).open_ms(600'000),
         pool_of("postgres", Cause::kWriteAfterPeerClose).open_ms(6)},
        {"postgres-ended-session",
         pool_of("postgres", Cause::kUnixPeerClosed).unix_socket("/tmp/.s.PGSQL.5432"),
         pool_of("postgres", Cause::kUnixPeerClosed)
             .unix_socket("/tmp/.s.PGSQL.5432")
             .killed_peer("postgres", SIGKILL)},
        {"postgres-forgotten",
         Facts("app", Cause::kIdleConnectionReset).remote("10.0.0.1:5432").idle_ms(900'000),
         Facts("app", Cause::kIdleConnectionReset).remote("10.0.0.1:5432").idle_ms(900'000).peer("nc")},
        {"postgres-crashed", Facts("app", Cause::kPeerProcessDied).killed_peer("postgres", SIGSEGV),
         Facts("app", Cause::kPeerProcessDied).killed_peer("node", SIGSEGV)},
        {"postgres-refused", Facts("app", Cause::kConnectionRefused).remote("[::1]:5432"),
         Facts("app", Cause::kConnectionRefused)},
        {"mysql-packet-too-large", pool_of("mariadbd", Cause::kPeerClosedUnreadData).unacked(2'000'000),
         pool_of("mariadbd", Cause::kPeerClosedUnreadData)},
        {"mysql-idle", pool_of("mysqld", Cause::kWriteAfterPeerClose).open_ms(28'800'000),
         pool_of("mysqld", Cause::kWriteAfterPeerClose).open_ms(28)},
        {"mysql-client-left", Facts("mariadbd", Cause::kPeerReset).server(),
         Facts("mariadbd", Cause::kPeerReset).server().caused()},
        {"memcached-idle", pool_of("memcached", Cause::kWriteAfterPeerClose).open_ms(60'000),
         pool_of("memcached", Cause::kWriteAfterPeerClose).open_ms(60)},
    };
}

}  // namespace pipetrace::testing
