// Application servers, runtimes, transfers, pipelines.
#include "shipped_cases.h"

#include <csignal>

namespace pipetrace::testing {
namespace {

using Facts = FailureFacts;

Facts node(Cause cause) { return Facts("node", cause).error(EPIPE, "write").peer("nginx"); }
Facts python(const char* script, Cause cause) {
    return Facts(script, cause).exe("/usr/bin/python3.11").error(EPIPE, "sendto");
}
Facts curl(Cause cause) { return Facts("curl", cause); }

}  // namespace

std::vector<RowCase> runtime_cases() {
    return {
        {"gunicorn-worker-killed",
         Facts("nginx", Cause::kPeerProcessDied).killed_peer("gunicorn: worke", SIGABRT),
         Facts("nginx", Cause::kPeerProcessDied).killed_peer("uwsgi", SIGABRT)},
        {"gunicorn-keepalive", Facts("nginx", Cause::kCloseRace).open_ms(2'000).peer("gunicorn"),
         Facts("nginx", Cause::kCloseRace).open_ms(2).peer("gunicorn")},
        {"gunicorn-client-left",
         python("gunicorn", Cause::kUnixPeerClosed).unix_socket("/run/app.sock").peer("nginx"),
         python("gunicorn", Cause::kUnixPeerClosed).unix_socket("/run/app.sock").peer("nginx").caused()},
        {"uwsgi-client-left",
         Facts("uwsgi-core", Cause::kUnixPeerClosed).unix_socket("/run/app.sock").peer("nginx"),
         Facts("uwsgi-core", Cause::kUnixPeerClosed).unix_socket("/run/app.sock").peer("nginx").caused()},
        {"php-fpm-client-left",
         Facts("php-fpm8.2", Cause::kUnixPeerClosed).unix_socket("/run/php.sock").peer("nginx"),
         Facts("php-fpm8.2", Cause::kUnixPeerClosed).unix_socket("/run/php.sock").peer("nginx").benign()},
        {"php-fpm-killed",
         Facts("nginx", Cause::kUnixPeerDied).unix_socket("/run/php.sock").killed_peer("php-fpm8.2", SIGTERM),
         Facts("nginx", Cause::kUnixPeerDied).unix_socket("/run/php.sock").killed_peer("node", SIGTERM)},
        {"node-keepalive", Facts("haproxy", Cause::kCloseRace).open_ms(5'000).peer("node"),
         Facts("haproxy", Cause::kCloseRace).open_ms(5).peer("node")},
        {"node-agent", node(Cause::kWriteAfterPeerClose).open_ms(5'000),
         node(Cause::kWriteAfterPeerClose).open_ms(5)},
        {"node-client-left", node(Cause::kPeerClosedUnreadData).server(),
         node(Cause::kPeerClosedUnreadData).server().caused()},
        {"node-pipe", node(Cause::kPipeReaderClosed).pipe("head").benign(),
         node(Cause::kPipeReaderClosed).pipe("head").benign().error(EBADF, "write")},
        {"python-pipe", python("filter.py", Cause::kPipeReaderClosed).pipe("head").benign(),
         python("filter.py", Cause::kPipeReaderClosed).pipe("head").benign().sigpipe(SigpipeFate::kKilled)},
        {"python-pool", python("worker.py", Cause::kWriteAfterPeerClose).open_ms(5'000).peer("nginx"),
         python("worker.py", Cause::kWriteAfterPeerClose).open_ms(5).peer("nginx")},
        {"go-server-keepalive", Facts("wrk", Cause::kCloseRace).open_ms(300'000).peer("caddy"),
         Facts("wrk", Cause::kCloseRace).open_ms(3).peer("caddy")},
        {"go-transport", Facts("traefik", Cause::kCloseRace).peer("node"),
         Facts("traefik", Cause::kCloseRace).peer("node").server()},
        {"go-client-left", Facts("caddy", Cause::kPeerClosedUnreadData).server().peer("curl"),
         Facts("caddy", Cause::kPeerClosedUnreadData).peer("node")},
        {"python-server", python("serve.py", Cause::kPeerClosedUnreadData).server().peer("curl"),
         python("serve.py", Cause::kPeerClosedUnreadData).peer("curl")},
    };
}

std::vector<RowCase> transfer_cases() {
    return {
        {"dpkg-deb-pipe", Facts("dpkg-deb", Cause::kPipeReaderClosed).pipe("tar").benign().caused(),
         Facts("cat", Cause::kPipeReaderClosed).pipe("tar").benign().caused()},
        {"tar-pipe", Facts("tar", Cause::kPipeReaderDied).pipe("gzip").killed_peer("gzip", SIGKILL),
         Facts("tar", Cause::kPipeReaderDied).pipe("ssh").killed_peer("ssh", SIGKILL).caused()},
        {"rsync-silent", Facts("rsync", Cause::kIdleConnectionReset).idle_ms(90'000),
         Facts("rsync", Cause::kIdleConnectionReset).idle_ms(90'000).caused()},
        {"rsync-broken-off", Facts("rsync", Cause::kPeerProcessDied).killed_peer("rsync", SIGKILL),
         Facts("cp", Cause::kPeerProcessDied).killed_peer("rsync", SIGKILL)},
        {"git-post-too-large",
         Facts("git-remote-http", Cause::kPeerClosedUnreadData).sent(2'000'000).peer("nginx"),
         Facts("git-remote-http", Cause::kPeerClosedUnreadData).sent(2'000).peer("nginx")},
        {"curl-idle", curl(Cause::kIdleConnectionReset).idle_ms(40'000),
         curl(Cause::kIdleConnectionReset).idle_unknown()},
        {"curl-upload-refused", curl(Cause::kPeerClosedUnreadData).sent(200'000).peer("caddy"),
         curl(Cause::kPeerClosedUnreadData).sent(78).peer("caddy")},
        {"curl-upload-broken", curl(Cause::kWriteAfterPeerClose).sent(120).peer("caddy"),
         curl(Cause::kWriteAfterPeerClose).sent(0).peer("caddy")},
        {"curl-broken-off", curl(Cause::kPeerAbortiveClose).received(20'000),
         Facts("nc", Cause::kPeerAbortiveClose)},
        {"curl-refused", curl(Cause::kConnectionRefused), Facts("nc", Cause::kConnectionRefused)},
        {"wget-broken-off", Facts("wget", Cause::kPeerReset), Facts("nc", Cause::kPeerReset)},
        {"wget-refused", Facts("wget", Cause::kConnectionRefused), Facts("nc", Cause::kConnectionRefused)},
        {"postfix-client-left", Facts("smtpd", Cause::kPeerReset).server(),
         Facts("smtpd", Cause::kPeerReset)},
        {"journald-restarted",
         Facts("daemon", Cause::kUnixPeerDied).unix_socket("/run/systemd/journal/stdout"),
         Facts("daemon", Cause::kUnixPeerDied).unix_socket("/run/daemon.sock")},
    };
}

}  // namespace pipetrace::testing
