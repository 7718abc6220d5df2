#include "export/systemd_library.h"

#include <dlfcn.h>

#include <type_traits>

namespace pipetrace {
namespace {

SystemdLibrary load() {
    SystemdLibrary library;
    void* handle = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return library;
    const auto find = [handle](auto& function, const char* name) {
        function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
    };
    find(library.journal_sendv, "sd_journal_sendv");
    find(library.notify, "sd_notify");
    find(library.watchdog_enabled, "sd_watchdog_enabled");
    return library;
}

}  // namespace

const SystemdLibrary& SystemdLibrary::get() {
    static const SystemdLibrary library = load();
    return library;
}

}  // namespace pipetrace
