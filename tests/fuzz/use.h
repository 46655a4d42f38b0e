/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_USE_H
#define FUZZ_USE_H

#include "hostile.h"

/* A thread that writes to a section until it is told to stop */
struct scribbler {
   struct fuzz_thread *self;
   struct hostile *hostile;
   volatile LONG stop;
   struct test_thread *thread;
};

void scribbler_start(struct scribbler *scribbler, struct fuzz_thread *self,
                     struct hostile *hostile);
void scribbler_stop(struct scribbler *scribbler);

/* Teach fuzz_mutate() a bell of this process. */
void use_learn(struct vk_device *device);

void by_threads(intptr_t arg);
void by_processes(intptr_t arg);
void invented_by_turns(intptr_t arg);
void invented_by_threads(intptr_t arg);

/* In the roles of children */
int scribble_main(int argc, char **argv);
int user_main(int argc, char **argv);

#endif
