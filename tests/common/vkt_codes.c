/* SPDX-License-Identifier: MIT */

/* Which codes a Vulkan command may return: those that vk.xml lists for it */
#define VKT_CODES_C
#include "vkt.h"

#include <stdlib.h>
#include <string.h>

struct command {
   const char *name;
   /* The function that looks at the result, and what it calls.  There is one
    * driver, so that all devices have the same.
    */
   PFN_vkVoidFunction listed, *real;
   VkResult codes[16];
};

#include "vkt_codes_tables.h"

const char *
vkt_result_name(VkResult result)
{
   for (unsigned i = 0; i < TEST_COUNT(names); i++) {
      if (names[i].code == result)
         return names[i].name;
   }
   return "another VkResult";
}

static int
compare_names(const void *name, const void *command)
{
   return strcmp(name, ((const struct command *)command)->name);
}

static const struct command *
find_command(const char *name)
{
   return bsearch(name, commands, TEST_COUNT(commands), sizeof(commands[0]),
                  compare_names);
}

bool
vkt_is_listed(const char *name, VkResult result)
{
   const struct command *command = find_command(name);

   /* Any command may return it, but for nothing that is valid. */
   if (result == VK_ERROR_UNKNOWN)
      return true;
   for (unsigned i = 0; command->codes[i] != VK_RESULT_MAX_ENUM; i++) {
      if (command->codes[i] == result)
         return true;
   }
   return false;
}

VkResult
vkt_listed(const char *name, VkResult result, const char *file, int line)
{
   if (!vkt_is_listed(name, result))
      test_fail(false, file, line, "%s gave %s (%d), which it does not list",
                name, vkt_result_name(result), (int)result);
   return result;
}

PFN_vkVoidFunction
vkt_listed_proc(const char *name, PFN_vkVoidFunction proc)
{
   const struct command *command = find_command(name);

   if (proc == NULL || command == NULL)
      return proc;
   *command->real = proc;
   return command->listed;
}
