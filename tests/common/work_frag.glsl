/* SPDX-License-Identifier: MIT */
#version 450

/* zero is 0: it keeps the compiler from dropping the loop. */
layout(push_constant) uniform Constants {
   uint tag;
   uint effort;
   uint zero;
};

layout(location = 0) out uint colour;

void
main()
{
   uint x = uint(gl_FragCoord.x) * 2654435761u + uint(gl_FragCoord.y);

   for (uint i = 0u; i < effort; i++)
      x = (x ^ (x >> 15)) * 2246822519u;
   colour = tag ^ (x & zero);
}
