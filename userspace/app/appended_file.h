// Opening a file that is appended to for months, and opened again whenever somebody has moved it away.
#pragma once

#include "model/result.h"
#include "source/unique_fd.h"

#include <string>

namespace pipetrace {

/// Creates it, mode 0600, or opens what is there. In a folder that others may write to (/tmp, or another user's
/// own), what another has put there is refused, but for the owner's plain files: as the kernel does with
/// fs.protected_regular and fs.protected_symlinks (fs/namei.c, may_create_in_sticky() and may_follow_link()),
/// which a host may have off.
Result<UniqueFd> open_to_append(const std::string& path);

/// Whether it could be opened, or moved away and made anew, with the rights that this process has now.
Status can_be_opened_again(const std::string& path);

/// `error`: an errno.
Error cannot_append(const std::string& path, int error);

}  // namespace pipetrace
