// libsystemd, loaded when it is first used: it brings six more libraries into memory, of no use to a live
// trace, and a host may have none.
#pragma once

#include <systemd/sd-daemon.h>

// Where an entry of the journal was made in this program tells nobody anything.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

namespace pipetrace {

/// Null where the library, or its function, is not there.
struct SystemdLibrary {
    decltype(&::sd_journal_sendv) journal_sendv = nullptr;
    decltype(&::sd_notify) notify = nullptr;
    decltype(&::sd_watchdog_enabled) watchdog_enabled = nullptr;

    static const SystemdLibrary& get();
};

}  // namespace pipetrace
