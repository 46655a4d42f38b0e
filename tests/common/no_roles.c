/* SPDX-License-Identifier: MIT */

/* A file of its own: the linker takes it where nobody else has this. */
#include "test.h"

const struct test_role test_roles[] = {{0}};
