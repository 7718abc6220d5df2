// The rules, one a cause, by the file that holds them.
#pragma once

#include "diagnose/rule_table.h"

namespace pipetrace {

// peer_rules.cpp
Rule connection_refused_rule();
Rule peer_process_died_rule();
Rule peer_closed_unread_data_rule();
Rule peer_abortive_close_rule();
Rule close_race_rule();
Rule write_after_peer_close_rule();
Rule peer_reset_rule();

// path_rules.cpp
Rule firewall_reset_rule();
Rule forged_reset_rule();
Rule idle_connection_reset_rule();

// timeout_rules.cpp
Rule user_timeout_rule();
Rule keepalive_timeout_rule();
Rule retransmission_timeout_rule();
Rule unreachable_rule();

// local_rules.cpp
Rule local_abort_rule();
Rule local_shutdown_rule();
Rule not_connected_rule();
Rule write_after_error_rule();

// origin_rules.cpp
Rule closed_with_unread_data_rule();
Rule abortive_close_rule();
Rule late_data_after_close_rule();
Rule no_socket_rule();
/// Of a RST that none of them explains.
std::string unexplained_origin(const Incident& incident);

// pipe_rules.cpp
Rule pipe_reader_died_rule();
Rule pipe_reader_closed_rule();

// unix_rules.cpp
Rule unix_peer_died_rule();
Rule unix_peer_unread_data_rule();
Rule unix_peer_closed_rule();
// Causes that a unix socket shares with TCP, judged by other facts.
std::optional<Confidence> unix_shutdown_applies(const Incident& incident);
std::optional<Confidence> unix_unconnected_applies(const Incident& incident);
std::optional<Confidence> unix_refused_applies(const Incident& incident);

}  // namespace pipetrace
