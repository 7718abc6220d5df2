# Cross-build for arm64, with Debian's cross compiler and the packages that tests/kernel/fetch_sysroot.py unpacks.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

set(PIPETRACE_SYSROOT ${CMAKE_CURRENT_LIST_DIR}/../build/kernels/arm64-sysroot CACHE PATH
  "Unpacked arm64 packages")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES PIPETRACE_SYSROOT)
set(triplet aarch64-linux-gnu)
# Found there and nowhere else; the C library is the compiler's own.
set(CMAKE_FIND_ROOT_PATH ${PIPETRACE_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_LIBRARY_ARCHITECTURE ${triplet})
set(ENV{PKG_CONFIG_LIBDIR} ${PIPETRACE_SYSROOT}/usr/lib/${triplet}/pkgconfig:${PIPETRACE_SYSROOT}/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${PIPETRACE_SYSROOT})
# What the libraries themselves need; they are found where the program is run.
set(CMAKE_EXE_LINKER_FLAGS_INIT
  "-Wl,-rpath-link,${PIPETRACE_SYSROOT}/usr/lib/${triplet}:${PIPETRACE_SYSROOT}/lib/${triplet}")
