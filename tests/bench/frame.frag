// SPDX-License-Identifier: MIT
#version 450

layout(location = 0) out vec4 color;

void main()
{
   vec2 z = vec2(0.0);
   vec2 c = gl_FragCoord.xy / 128.0 - 0.5;

   for (int i = 0; i < 16; i++)
      z = vec2(z.x * z.x - z.y * z.y, 2.0 * z.x * z.y) + c;
   color = vec4(z, 0.5, 1.0);
}
