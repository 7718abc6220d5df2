#include "app/incident_filter.h"

#include "correlate/endpoint_story.h"
#include "model/incident_row.h"

#include <algorithm>
#include <string_view>

namespace pipetrace {
namespace {

/// An empty list asks for nothing, so everything passes.
template <typename Value, typename Matches>
bool any(const std::vector<Value>& wanted, Matches matches) {
    return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), matches);
}

/// "/system.slice/nginx.service" is below "/system.slice", and is meant by "nginx.service" too.
bool is_cgroup(std::string_view path, std::string_view wanted) {
    if (path == wanted) return true;
    if (wanted.starts_with('/')) {
        return path.starts_with(wanted) && (wanted.ends_with('/') || path[wanted.size()] == '/');
    }
    return path.ends_with(std::string("/") += wanted) ||
           path.find('/' + std::string(wanted) + '/') != std::string_view::npos;
}

/// The container, the one around it, or the pod.
bool is_in_container(const Workload& workload, std::string_view wanted) {
    return (workload.container && is_container(*workload.container, wanted)) ||
           (workload.outer_container && is_container(*workload.outer_container, wanted)) ||
           workload.pod_uid == wanted;
}

Incident as_incident(const CountedIncident& counted) {
    Incident incident;
    incident.verdict.cause = Cause::kUnknown;
    incident.verdict.severity = Severity::kWarning;
    incident.process = counted.process;
    incident.endpoint.kind = counted.endpoint.kind;
    if (counted.endpoint.local.port != 0) incident.endpoint.local = address_text(counted.endpoint.local);
    if (counted.endpoint.remote.port != 0) incident.endpoint.remote = address_text(counted.endpoint.remote);
    for (const CountedIncident::Error& error : counted.errors) {
        incident.errors.emplace_back().error = error.error;
    }
    return incident;
}

}  // namespace

IncidentChooser::IncidentChooser(IncidentFilter filter) : filter_(std::move(filter)) {
    const IncidentFilter& asked = filter_;
    wants_all_ = asked.tgids.empty() && asked.comms.empty() && asked.uids.empty() && asked.cgroups.empty() &&
                 asked.containers.empty() && asked.ports.empty() && asked.local_ports.empty() &&
                 asked.remote_ports.empty() && asked.kinds.empty() && asked.errnos.empty() &&
                 asked.causes.empty() && asked.severities.empty();
    traced_.insert(filter_.tgids.begin(), filter_.tgids.end());
}

bool IncidentChooser::wants(const Incident& incident) const {
    if (incident.role == Role::kOrigin && filter_.all_origins) return true;
    if (incident.role == Role::kOrigin && !filter_.include_origin) return false;
    return wants_facts(incident) && wants_process(incident, false);
}

/// All but who it was.
bool IncidentChooser::wants_facts(const Incident& incident) const {
    const bool errno_wanted = any(filter_.errnos, [&](int wanted) {
        return std::any_of(incident.errors.begin(), incident.errors.end(),
                           [&](const CallError& error) { return error.error == wanted; });
    });
    const bool cause_wanted =
        any(filter_.causes, [&](Cause wanted) { return incident.verdict.cause == wanted; });
    const bool severity_wanted =
        any(filter_.severities, [&](Severity wanted) { return incident.verdict.severity == wanted; });
    return errno_wanted && cause_wanted && severity_wanted && wants_endpoint(incident);
}

IncidentChooser::Wanted IncidentChooser::wants(const CountedIncident& counted) const {
    if (wants_all_) return Wanted::kYes;  // tens of thousands a second
    const Incident incident = as_incident(counted);
    if (!wants_facts(incident) || !wants_process(incident, true)) return Wanted::kNo;
    return wants_process(incident, false) ? Wanted::kYes : Wanted::kUnknown;
}

/// `if_unknown`: what to make of a fact that is asked for and not known.
bool IncidentChooser::wants_process(const Incident& incident, bool if_unknown) const {
    const InvolvedProcess& process = incident.process;
    if (!traced_.empty() && !(process.tgid ? traced_.contains(*process.tgid) : if_unknown)) return false;
    const bool comm_wanted = any(filter_.comms, [&](const std::string& wanted) {
        return (process.comm ? process.comm == wanted : if_unknown) ||
               std::any_of(incident.errors.begin(), incident.errors.end(),
                           [&](const CallError& error) { return error.thread == wanted; });
    });
    const bool uid_wanted = any(
        filter_.uids, [&](std::uint32_t wanted) { return process.uid ? process.uid == wanted : if_unknown; });
    // It tells of the container too.
    const std::optional<std::string>& cgroup = process.details.cgroup;
    const bool cgroup_wanted = any(filter_.cgroups, [&](const std::string& wanted) {
        return cgroup ? is_cgroup(*cgroup, wanted) : if_unknown;
    });
    const bool container_wanted = any(filter_.containers, [&](const std::string& wanted) {
        return is_in_container(process.details, wanted) || (!cgroup && if_unknown);
    });
    return comm_wanted && uid_wanted && cgroup_wanted && container_wanted;
}

bool IncidentChooser::wants_endpoint(const Incident& incident) const {
    const std::uint16_t local = port_of_address(incident.endpoint.local).value_or(0);
    const std::uint16_t remote = port_of_address(incident.endpoint.remote).value_or(0);
    const auto is = [](std::uint16_t port) {
        return [port](std::uint16_t wanted) { return port != 0 && wanted == port; };
    };
    return any(filter_.kinds, [&](EndpointKind wanted) { return incident.endpoint.kind == wanted; }) &&
           any(filter_.local_ports, is(local)) && any(filter_.remote_ports, is(remote)) &&
           any(filter_.ports, [&](std::uint16_t wanted) { return is(local)(wanted) || is(remote)(wanted); });
}

}  // namespace pipetrace
