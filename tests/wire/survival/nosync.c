// SPDX-License-Identifier: Apache-2.0
// A C library that says "synced" and syncs nothing, for the files whose path contains $NOSYNC: the survival tests must
// notice. Built and preloaded by tests/wire/survival/preload.py.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int omitted(int descriptor) {
    const char *wanted = getenv("NOSYNC");
    char link[64], path[PATH_MAX + 2];
    struct stat state;
    if (wanted == NULL || fstat(descriptor, &state) != 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX);
    if (length < 0) return 0;
    if (S_ISDIR(state.st_mode)) path[length++] = '/';
    path[length] = 0;
    return strstr(path, wanted) != NULL && (wanted[strlen(wanted) - 1] != '/' || S_ISDIR(state.st_mode));
}

int fsync(int descriptor) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return omitted(descriptor) ? 0 : real(descriptor);
}

int fdatasync(int descriptor) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return omitted(descriptor) ? 0 : real(descriptor);
}
