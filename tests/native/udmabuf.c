/* SPDX-License-Identifier: MIT */

/* Stands between the driver and /dev/udmabuf. Containers and virtual machines
 * have none, and without it the driver reports no sync files. The double makes
 * the memory file that it is given the dma-buf, and eventfds the sync files:
 * both are only mapped and polled. The symbols come before the C library's.
 */

/* With it, the C library's headers make open() another name of open64(). */
#undef _FILE_OFFSET_BITS

#include "native.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <linux/udmabuf.h>

const char *udmabuf = "real";
static int device_fd = -1;

int
open(const char *path, int flags, ...)
{
   mode_t mode = 0;
   va_list args;

   if (flags & (O_CREAT | O_TMPFILE)) {
      va_start(args, flags);
      mode = va_arg(args, mode_t);
      va_end(args);
   }
   if (strcmp(udmabuf, "real") && !strcmp(path, "/dev/udmabuf")) {
      if (!strcmp(udmabuf, "none")) {
         errno = ENOENT;
         return -1;
      }
      return device_fd = eventfd(0, EFD_CLOEXEC);
   }
   return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int open64(const char *path, int flags, ...) __attribute__((__alias__("open")));

int
ioctl(int fd, unsigned long request, ...)
{
   va_list args;
   void *arg;

   va_start(args, request);
   arg = va_arg(args, void *);
   va_end(args);

   if (!strcmp(udmabuf, "double")) {
      if (fd == device_fd && request == UDMABUF_CREATE) {
         struct udmabuf_create *create = arg;
         return fcntl((int)create->memfd, F_DUPFD_CLOEXEC, 0);
      }
      if (request == DMA_BUF_IOCTL_EXPORT_SYNC_FILE) {
         struct dma_buf_export_sync_file *file = arg;
         file->fd = eventfd(1, EFD_CLOEXEC);
         return file->fd < 0 ? -1 : 0;
      }
   }
   return (int)syscall(SYS_ioctl, fd, request, arg);
}
