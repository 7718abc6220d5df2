#include "diagnose/rule_table.h"

#include "diagnose/rules.h"

#include <algorithm>
#include <vector>

namespace pipetrace {

Family family_of(const Incident& incident) {
    if (incident.role == Role::kOrigin) return Family::kOrigin;
    if (incident.endpoint.kind == EndpointKind::kPipe) return Family::kPipe;
    if (incident.endpoint.kind == EndpointKind::kUnix) return Family::kUnix;
    return incident.rst ? Family::kTcpReset : Family::kTcpNoReset;
}

bool speaks_of(const Rule& rule, Family family) {
    return std::find(rule.families.begin(), rule.families.end(), family) != rule.families.end();
}

std::span<const Rule> rule_table() {
    static const std::vector<Rule> rules{
        // Of a RST, the origin first and the last step last.
        firewall_reset_rule(),
        connection_refused_rule(),
        forged_reset_rule(),
        peer_process_died_rule(),
        peer_closed_unread_data_rule(),
        peer_abortive_close_rule(),
        close_race_rule(),
        write_after_peer_close_rule(),
        idle_connection_reset_rule(),
        peer_reset_rule(),
        // Without a RST.
        local_abort_rule(),
        unreachable_rule(),
        user_timeout_rule(),
        keepalive_timeout_rule(),
        retransmission_timeout_rule(),
        local_shutdown_rule(),
        not_connected_rule(),
        write_after_error_rule(),
        // Pipes.
        pipe_reader_died_rule(),
        pipe_reader_closed_rule(),
        // Unix sockets.
        unix_peer_died_rule(),
        unix_peer_unread_data_rule(),
        unix_peer_closed_rule(),
        // Sent by this host.
        closed_with_unread_data_rule(),
        abortive_close_rule(),
        late_data_after_close_rule(),
        no_socket_rule(),
    };
    return rules;
}

}  // namespace pipetrace
