/* SPDX-License-Identifier: MIT */
#version 450

/* A regular polygon as triangles around its centre, or the background when
 * it has no sides.
 */
layout(push_constant) uniform Shape {
   vec4 colour;
   vec2 centre;
   vec2 turn; /* cosine and sine */
   float radius;
   uint sides;
   float tag;
   float time;
};

layout(location = 0) out vec2 place;

const float PI = 3.14159265;

void
main()
{
   uint corner = gl_VertexIndex % 3u;
   uint side = gl_VertexIndex / 3u;

   if (sides == 0u) {
      place = vec2(corner & 1u, corner >> 1) * 4.0 - 1.0;
      gl_Position = vec4(place, 0.0, 1.0);
      return;
   }

   place = vec2(0.0);
   if (corner != 0u) {
      float angle = 2.0 * PI * float(side + corner - 1u) / float(sides);
      place = vec2(cos(angle), sin(angle));
   }
   vec2 turned = vec2(place.x * turn.x - place.y * turn.y,
                      place.x * turn.y + place.y * turn.x);
   gl_Position = vec4((centre + turned * radius) * vec2(0.75, 1.0), 0.0, 1.0);
}
