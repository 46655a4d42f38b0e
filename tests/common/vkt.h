/* SPDX-License-Identifier: MIT */
#ifndef LVP_VKT_H
#define LVP_VKT_H

#include "test.h"
#include "unused.h"

#ifndef VK_USE_PLATFORM_WIN32_KHR
#define VK_USE_PLATFORM_WIN32_KHR
#endif
#include <vulkan/vulkan.h>

#include "gpu.h"

/* Every command that gives a VkResult is a macro for this, also where it is
 * called by a pointer: a code that it does not list fails the test.
 */
VkResult vkt_listed(const char *command, VkResult result, const char *file,
                    int line);
bool vkt_is_listed(const char *command, VkResult result);
PFN_vkVoidFunction vkt_listed_proc(const char *command,
                                   PFN_vkVoidFunction proc);

#ifndef VKT_CODES_C
#define VKT_LISTED(command, ...) \
   vkt_listed(#command, command(__VA_ARGS__), __FILE__, __LINE__)
#define vkGetDeviceProcAddr(device, name) \
   vkt_listed_proc(name, vkGetDeviceProcAddr(device, name))
#define vkGetInstanceProcAddr(instance, name) \
   vkt_listed_proc(name, vkGetInstanceProcAddr(instance, name))
#include "vkt_codes_macros.h"
#endif

#define EXPECT_RESULT(call, want) \
   vkt_check_result((call), (want), false, __FILE__, __LINE__, #call)
#define REQUIRE_RESULT(call, want) \
   vkt_check_result((call), (want), true, __FILE__, __LINE__, #call)
#define REQUIRE_OK(call) \
   vkt_check_result((call), VK_SUCCESS, true, __FILE__, __LINE__, #call)
#define EXPECT_OK(call) \
   vkt_check_result((call), VK_SUCCESS, false, __FILE__, __LINE__, #call)

bool vkt_check_result(VkResult result, VkResult want, bool required,
                      const char *file, int line, const char *text);
const char *vkt_result_name(VkResult result);

/* For what must happen: only a hang takes this long. */
#define VKT_LONG_MS 10000
/* For what must not happen yet. */
#define VKT_PENDING_MS 60

/* All handle type enumerations give these bits the same meaning. */
#define VKT_OPAQUE_WIN32 2u
#define VKT_OPAQUE_WIN32_KMT 4u

enum vkt_kind {
   VKT_FENCE,
   VKT_BINARY,
   VKT_TIMELINE,
};

const char *vkt_kind_name(enum vkt_kind kind);

struct vkt_instance;

struct vkt_device {
   struct vkt_instance *instance;
   struct gpu gpu;

   /* As in it */
   VkPhysicalDevice physical;
   VkDevice handle;
   VkQueue queue;

   PFN_vkImportFenceWin32HandleKHR ImportFenceWin32Handle;
   PFN_vkGetFenceWin32HandleKHR GetFenceWin32Handle;
   PFN_vkImportSemaphoreWin32HandleKHR ImportSemaphoreWin32Handle;
   PFN_vkGetSemaphoreWin32HandleKHR GetSemaphoreWin32Handle;
   PFN_vkGetMemoryWin32HandleKHR GetMemoryWin32Handle;
   PFN_vkGetMemoryWin32HandlePropertiesKHR GetMemoryWin32HandleProperties;
};

VkInstance vkt_create_instance_with(uint32_t api_version,
                                    const char *const *extensions,
                                    uint32_t extension_count);
/* With VK_EXT_debug_utils */
VkPhysicalDevice vkt_pick_lavapipe(VkInstance instance);
/* A device with one extension or, if that is NULL, with none */
VkDevice vkt_create_bare_device(VkPhysicalDevice physical,
                                const char *extension);

/* A device with the three extensions, and the one for host pointers, on an
 * instance of its own or on the one of another device. Closed when the case
 * has ended.
 */
struct vkt_device *vkt_open(void);
struct vkt_device *vkt_open_sibling(struct vkt_device *device);
void vkt_close_device(struct vkt_device *device);
void vkt_wait_idle(struct vkt_device *device);

/* The warnings and errors that came through VK_EXT_debug_utils since
 * vkt_clear_messages(): how many there were, and the last one's text
 */
void vkt_clear_messages(struct vkt_device *device);
unsigned vkt_message_count(struct vkt_device *device);
void vkt_last_message(struct vkt_device *device, char *text, size_t size);
/* That there is one, which names the result, says more than that, and begins
 * with the text, up to a conversion if the text has one
 */
void vkt_expect_message(struct vkt_device *device, VkResult result,
                        const char *text);

/* A fence or a semaphore. The two extensions mirror each other, so that most
 * rules can be tested on all kinds by one function.
 */
struct vkt_object {
   enum vkt_kind kind;
   struct vkt_device *device;
   VkFence fence;
   VkSemaphore semaphore;
};

struct vkt_object_info {
   enum vkt_kind kind;
   VkFlags export_types;
   uint64_t initial; /* fences: signalled if not 0 */

   /* VkExport*Win32HandleInfoKHR is chained when this is set. */
   bool win32_info;
   const SECURITY_ATTRIBUTES *attributes;
   DWORD access;
   const wchar_t *name;
};

/* Until the case ends: a name that nobody else has, a descriptor in SDDL */
const wchar_t *vkt_make_name(const wchar_t *prefix);
SECURITY_ATTRIBUTES vkt_attributes(const wchar_t *sddl);

/* What the functions below export and import without being told:
 * VKT_OPAQUE_WIN32 or, with LVP_TEST_HANDLE_TYPE=kmt in the environment,
 * VKT_OPAQUE_WIN32_KMT.
 */
VkFlags vkt_handle_type(void);

/* Objects left over are destroyed when the case has ended. */
VkResult vkt_try_create(struct vkt_device *device,
                        const struct vkt_object_info *info,
                        struct vkt_object **object);
struct vkt_object *vkt_create_info(struct vkt_device *device,
                                   const struct vkt_object_info *info);
struct vkt_object *vkt_create(struct vkt_device *device, enum vkt_kind kind);
struct vkt_object *vkt_create_for(struct vkt_device *device,
                                  enum vkt_kind kind, VkFlags export_types);
struct vkt_object *vkt_create_exportable(struct vkt_device *device,
                                         enum vkt_kind kind);
/* With VkExport*Win32HandleInfoKHR; attributes and name may be NULL. */
VkResult vkt_try_create_win32(struct vkt_device *device, enum vkt_kind kind,
                              VkFlags export_types,
                              const SECURITY_ATTRIBUTES *attributes,
                              const wchar_t *name,
                              struct vkt_object **object);
struct vkt_object *vkt_create_win32(struct vkt_device *device,
                                    enum vkt_kind kind, VkFlags export_types,
                                    const SECURITY_ATTRIBUTES *attributes,
                                    const wchar_t *name);
void vkt_destroy(struct vkt_object *object);

VkResult vkt_try_export(struct vkt_object *object, VkFlags type,
                        HANDLE *handle);
/* The handle belongs to the case, see test_own_handle(). */
HANDLE vkt_export(struct vkt_object *object);
/* Closes what vkt_export() gave, if it can be closed. */
void vkt_close_export(HANDLE handle);
/* A global share handle, which belongs to nobody */
HANDLE vkt_number(struct vkt_object *object);

VkResult vkt_try_import(struct vkt_object *object, VkFlags type,
                        bool temporary, HANDLE handle, const wchar_t *name);
VkResult vkt_import_number(struct vkt_object *object, HANDLE number);
VkResult vkt_import_name(struct vkt_object *object, const wchar_t *name);
void vkt_import(struct vkt_object *object, HANDLE handle);
void vkt_import_temporary(struct vkt_object *object, HANDLE handle);
/* A new object, created without export, with the handle's payload, or with
 * another object's by a new handle
 */
struct vkt_object *vkt_alias(struct vkt_device *device, enum vkt_kind kind,
                             HANDLE handle);
struct vkt_object *vkt_share(struct vkt_object *object,
                             struct vkt_device *device);

/* Two holders of a payload, on two instances */
struct vkt_pair {
   struct vkt_object *a, *b;
};

struct vkt_pair vkt_open_pair(enum vkt_kind kind);

#define VKT_MAX_SEMAPHORES 8

struct vkt_point {
   struct vkt_object *semaphore;
   uint64_t value;
};

struct vkt_batch {
   struct vkt_point waits[VKT_MAX_SEMAPHORES];
   struct vkt_point signals[VKT_MAX_SEMAPHORES];
   VkCommandBuffer commands;
};

/* One batch by vkQueueSubmit2; the fence may be NULL. */
void vkt_submit(struct vkt_device *device, const struct vkt_batch *batch,
                struct vkt_object *fence);

/* Submits an empty signal operation; value is for timelines. */
void vkt_queue_signal(struct vkt_object *object, uint64_t value);
/* One behind the wait for a private timeline, whose value 1 lets it go */
struct vkt_object *vkt_signal_behind_gate(struct vkt_object *object,
                                          uint64_t value);
/* Submits a wait operation and gives a private fence that tells its end. */
struct vkt_object *vkt_queue_wait(struct vkt_object *semaphore,
                                  uint64_t value);
/* Submits a wait operation that has to end. */
void vkt_take(struct vkt_object *semaphore, uint64_t value);
/* One batch that waits and then signals, on the queue of `waits` */
void vkt_queue_chain(struct vkt_object *waits, uint64_t wait_value,
                     struct vkt_object *signals, uint64_t signal_value);

#define VKT_MAX_WAITS 200

/* Fences or timelines of one device, for all or any of them */
VkResult vkt_wait_many(struct vkt_object *const *objects, unsigned count,
                       uint64_t value, bool all, uint64_t timeout_ms);
VkResult vkt_wait(struct vkt_object *object, uint64_t value,
                  uint64_t timeout_ms);
/* A fence's status or a timeline's value. */
uint64_t vkt_value(struct vkt_object *object);
void vkt_host_signal(struct vkt_object *timeline, uint64_t value);
void vkt_reset(struct vkt_object *fence);

void vkt_expect_done(struct vkt_object *fence);
void vkt_expect_pending(struct vkt_object *fence);

/* Signals through one object and waits through the other, which may be the
 * same or another holder of the payload. Leaves fences reset, binary
 * semaphores unsignalled and timelines advanced by 2.
 */
void vkt_expect_linked(struct vkt_object *signals, struct vkt_object *waits);
/* Each way, and with itself */
void vkt_expect_shared(struct vkt_object *a, struct vkt_object *b);
void vkt_expect_works(struct vkt_object *object);

/* Proves that no signal is left in a binary semaphore: a wait through one
 * holder stays blocked until a new signal comes through the other. The
 * signal is submitted first and held back by a gate, as the API demands.
 */
void vkt_expect_unsignalled(struct vkt_object *waits,
                            struct vkt_object *signals);

/* Puts the payload into a state that a new object does not have, and checks
 * it: a fence signalled, a binary semaphore with a signal to be waited for
 * (the check takes it), a timeline at some value.
 */
void vkt_mark(struct vkt_object *object);
void vkt_expect_marked(struct vkt_object *object);

/* Signals from a thread, after some time. Join it with vkt_join_later(). */
struct vkt_later;
struct vkt_later *vkt_signal_later(struct vkt_object *object, uint64_t value,
                                   unsigned ms);
void vkt_join_later(struct vkt_later *later);

/* Entries of a case table for every kind of object, and for a function that
 * needs more than the kind
 */
#define VKT_WITH(kind, more) ((kind) | (more) << 8)
#define VKT_CASES_WITH(name, run, more) \
   {name "_fence", run, VKT_WITH(VKT_FENCE, more), 0}, \
   {name "_binary", run, VKT_WITH(VKT_BINARY, more), 0}, \
   {name "_timeline", run, VKT_WITH(VKT_TIMELINE, more), 0}
#define VKT_CASES(name, run) VKT_CASES_WITH(name, run, 0)

/* What this process has allocated */
uint64_t vkt_private_bytes(void);

#endif
