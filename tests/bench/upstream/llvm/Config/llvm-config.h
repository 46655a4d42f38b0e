/* SPDX-License-Identifier: MIT */

/* Stands in for LLVM's header.  upstream.c looks at nothing of it. */
