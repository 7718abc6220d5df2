// OpenSSH, Redis, Java.
#include "shipped_cases.h"

#include <csignal>

namespace pipetrace::testing {
namespace {

using Facts = FailureFacts;

Facts ssh(Cause cause) { return Facts("ssh", cause).remote("10.0.0.1:22"); }
Facts sshd(Cause cause) { return Facts("sshd", cause).server(); }
Facts redis(Cause cause) {
    return Facts("redis-server", cause).exe("/usr/bin/redis-check-rdb").server().peer("python3");
}
Facts of_redis(Cause cause) { return Facts("worker", cause).remote("127.0.0.1:6379").peer("redis-server"); }
Facts tomcat(Cause cause) {
    return Facts("java", cause).server().error(EPIPE, "write", "http-nio-8080-e").peer("curl");
}
Facts java(Cause cause) { return Facts("java", cause).error(EPIPE, "write", "main"); }

}  // namespace

std::vector<RowCase> openssh_cases() {
    return {
        {"ssh-idle", ssh(Cause::kIdleConnectionReset).idle_ms(2'400'000),
         ssh(Cause::kIdleConnectionReset).idle_unknown()},
        {"ssh-reset-after-silence", ssh(Cause::kPeerReset).idle_ms(12'000),
         ssh(Cause::kPeerReset).idle_ms(100)},
        {"ssh-silent-server", ssh(Cause::kRetransmissionTimeout).unacked(52),
         ssh(Cause::kRetransmissionTimeout).caused()},
        {"ssh-connect-timeout", ssh(Cause::kRetransmissionTimeout).state(TcpState::kSynSent),
         ssh(Cause::kRetransmissionTimeout)},
        {"ssh-refused", ssh(Cause::kConnectionRefused),
         Facts("nc", Cause::kConnectionRefused).remote("10.0.0.1:22")},
        {"sshd-refuses-many",
         ssh(Cause::kPeerClosedUnreadData)
             .age_ms(4)
             .received(0)
             .sent(41)
             .peer("sshd", PeerAction::kClose, 41),
         ssh(Cause::kPeerClosedUnreadData).age_ms(4).received(2500).peer("sshd", PeerAction::kClose, 41)},
        {"sshd-login-grace",
         ssh(Cause::kWriteAfterPeerClose).open_ms(120'000).received(3500).peer("sshd", PeerAction::kExit),
         ssh(Cause::kWriteAfterPeerClose).open_ms(120'000).received(90'000).peer("sshd", PeerAction::kExit)},
        {"sshd-ends-idle-client",
         ssh(Cause::kWriteAfterPeerClose).open_ms(45'000).received(90'000).peer("sshd"),
         ssh(Cause::kWriteAfterPeerClose).open_ms(45).received(90'000).peer("sshd")},
        {"sshd-scanner",
         sshd(Cause::kPeerAbortiveClose).age_ms(30).received(20).peer("masscan", PeerAction::kAbort),
         sshd(Cause::kPeerAbortiveClose)
             .age_ms(30)
             .received(1700)
             .sent(64'000)
             .peer("ssh", PeerAction::kAbort)},
        {"sshd-idle", sshd(Cause::kRetransmissionTimeout).idle_ms(900'000),
         sshd(Cause::kRetransmissionTimeout).caused()},
        {"sshd-reset-after-silence", sshd(Cause::kPeerReset).idle_ms(60'000).age_ms(600'000),
         sshd(Cause::kPeerReset).idle_ms(5).age_ms(600'000)},
    };
}

std::vector<RowCase> redis_cases() {
    return {
        {"redis-client-never-reads",
         redis(Cause::kPeerClosedUnreadData).peer("python3", PeerAction::kClose, 128'000),
         redis(Cause::kPeerClosedUnreadData).peer("python3", PeerAction::kClose, 7)},
        {"redis-client-falls-behind", redis(Cause::kRetransmissionTimeout).unacked(2'000'000),
         redis(Cause::kRetransmissionTimeout).unacked(52)},
        {"redis-slow-command", redis(Cause::kWriteAfterPeerClose).idle_ms(1283),
         redis(Cause::kWriteAfterPeerClose).idle_ms(1)},
        {"redis-client-left", redis(Cause::kUnixPeerClosed).unix_socket("/run/redis.sock").peer("python3"),
         redis(Cause::kUnixPeerClosed).unix_socket("/run/redis.sock").peer("python3").caused()},
        {"redis-dead-client", redis(Cause::kKeepaliveTimeout).idle_ms(300'000),
         redis(Cause::kKeepaliveTimeout).benign()},
        {"redis-drops-slow-reader", of_redis(Cause::kCloseRace).unread_here(129'000),
         of_redis(Cause::kCloseRace).unread_here(7)},
        {"redis-closed", of_redis(Cause::kWriteAfterPeerClose).open_ms(300'000),
         of_redis(Cause::kWriteAfterPeerClose).open_ms(300'000).peer("redis-server", PeerAction::kExit)},
        {"redis-closed-at-once", of_redis(Cause::kWriteAfterPeerClose).open_ms(60),
         of_redis(Cause::kWriteAfterPeerClose).open_ms(60).unread_here(129'000)},
        {"redis-closed-unix",
         Facts("worker", Cause::kUnixPeerClosed).unix_socket("/run/redis.sock").peer("redis-server"),
         Facts("worker", Cause::kUnixPeerClosed)
             .unix_socket("/run/redis.sock")
             .peer("redis-server", PeerAction::kExit)},
        {"redis-replica-gone", redis(Cause::kPeerProcessDied).killed_peer("redis-server", SIGKILL),
         redis(Cause::kPeerProcessDied).killed_peer("python3", SIGKILL)},
        {"redis-forgotten", of_redis(Cause::kPeerReset).without_peer().idle_ms(40'000),
         of_redis(Cause::kPeerReset).without_peer().remote("10.0.0.1:80").idle_ms(40'000)},
        {"redis-out-of-memory", of_redis(Cause::kPeerProcessDied).killed_peer("redis-server", SIGKILL, true),
         of_redis(Cause::kPeerProcessDied).killed_peer("redis-server", SIGKILL)},
        {"redis-killed", of_redis(Cause::kPeerProcessDied).killed_peer("redis-server", SIGSEGV),
         of_redis(Cause::kPeerProcessDied).killed_peer("nginx", SIGSEGV)},
        {"redis-refused", of_redis(Cause::kConnectionRefused).without_peer(),
         of_redis(Cause::kConnectionRefused).without_peer().remote("127.0.0.1:6380")},
    };
}

std::vector<RowCase> java_cases() {
    return {
        {"tomcat-client-left-unread",
         tomcat(Cause::kPeerClosedUnreadData).peer("curl", PeerAction::kClose, 65'536),
         tomcat(Cause::kPeerClosedUnreadData).peer("curl", PeerAction::kClose, 65'536).thread("main")},
        {"tomcat-client-left", tomcat(Cause::kWriteAfterPeerClose),
         tomcat(Cause::kWriteAfterPeerClose).thread("pool-1-thread-1")},
        {"tomcat-client-silent", tomcat(Cause::kRetransmissionTimeout).thread("https-j..exec-7"),
         tomcat(Cause::kRetransmissionTimeout).thread("kafka-producer-")},
        {"tomcat-keep-alive", Facts("wrk", Cause::kCloseRace).open_ms(20'000).peer("java"),
         Facts("wrk", Cause::kCloseRace).open_ms(2).peer("java")},
        {"tomcat-unread-request", Facts("curl", Cause::kPeerClosedUnreadData).sent(5'000'000).peer("java"),
         Facts("curl", Cause::kPeerClosedUnreadData).sent(300).peer("java")},
        {"java-debugger", java(Cause::kPeerClosedUnreadData).server().thread("JDWP Transport ").peer("jdb"),
         java(Cause::kPeerClosedUnreadData).server().thread("main").peer("jdb")},
        {"java-pool-idle",
         java(Cause::kWriteAfterPeerClose).open_ms(600'000).peer("postgres", PeerAction::kExit),
         java(Cause::kWriteAfterPeerClose).open_ms(600'000).peer("curl").server()},
        {"java-pool-forgotten", java(Cause::kIdleConnectionReset).idle_ms(600'000),
         java(Cause::kIdleConnectionReset).idle_ms(600'000).older_than_trace()},
        {"java-broken-pipe", java(Cause::kWriteAfterPeerClose).open_ms(2).peer("nc"),
         java(Cause::kWriteAfterPeerClose).open_ms(2).peer("nc").error(EBADF, "write")},
        {"java-broken-off", java(Cause::kPeerReset).server(),
         java(Cause::kPeerReset).server().error(EBADF, "write")},
        {"java-silent-server", java(Cause::kRetransmissionTimeout).unacked(300),
         java(Cause::kRetransmissionTimeout).server()},
        {"java-out-of-memory", Facts("nginx", Cause::kPeerProcessDied).killed_peer("java", SIGKILL, true),
         Facts("nginx", Cause::kPeerProcessDied).killed_peer("java", SIGKILL)},
    };
}

}  // namespace pipetrace::testing
