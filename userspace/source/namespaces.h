// Whether this program runs in namespaces of its own, as in a container, where /proc and the kernel's
// programs name things differently.
#pragma once

namespace pipetrace {

enum class Namespace { kCgroup, kPid, kUts };

/// Whether ours is the one that the kernel began with; so it is taken to be where /proc cannot tell.
bool is_in_first(Namespace kind);

}  // namespace pipetrace
