/* SPDX-License-Identifier: MIT */
#ifndef LVP_CHILD_H
#define LVP_CHILD_H

#include "test.h"

/* A child process. What the case leaves behind is killed at its end. */
struct child {
   HANDLE process;
   DWORD id;
   /* Ends of two pipes: messages to and from the child. */
   HANDLE to_child;
   HANDLE from_child;
   HANDLE output;
};

/* The full path of a program in the folder of this one. */
void child_sibling_program(const char *name, char *path, size_t size);

struct child *child_start_program(const char *path, const char *arguments);
/* Its standard output: all of it, up to size - 1 bytes, with a 0 at the end */
void child_read_output(struct child *child, char *text, size_t size);

/* Starts this program in one of its roles (see test_main()), connected by
 * the two pipes. The child inherits the handles listed and no others; they
 * need not be inheritable before. Each keeps its value.
 */
struct child *child_start(const char *role, const HANDLE *handles,
                          unsigned handle_count);

/* Waits for the end and gives the exit status. */
DWORD child_join(struct child *child, unsigned timeout_ms);
void child_kill(struct child *child);

/* Messages of a fixed size, both ways. False when the other side is gone. */
bool child_send(struct child *child, const void *message, DWORD size);
bool child_receive(struct child *child, void *message, DWORD size);

/* The same on the child's side; takes the arguments of the role. */
struct child_link {
   HANDLE in;
   HANDLE out;
};

struct child_link child_link_open(int argc, char **argv);
bool child_link_send(struct child_link *link, const void *message,
                     DWORD size);
bool child_link_receive(struct child_link *link, void *message, DWORD size);

#endif
