/* SPDX-License-Identifier: MIT */
#version 450

layout(push_constant) uniform Shape {
   vec4 colour;
   vec2 centre;
   vec2 turn;
   float radius;
   uint sides;
   float tag;
   float time;
};

layout(location = 0) in vec2 place;
layout(location = 0) out vec4 pixel;

void
main()
{
   vec3 shade;

   if (sides == 0u) {
      float wave = sin(place.x * 5.0 + time) * sin(place.y * 4.0 - time);
      shade = mix(vec3(0.08, 0.10, 0.22), vec3(0.20, 0.32, 0.48),
                  0.5 + 0.35 * place.y + 0.15 * wave);
   } else {
      float ring = 0.5 + 0.5 * cos(length(place) * 9.0 - time * 2.0);
      shade = colour.rgb * (0.62 + 0.38 * ring) + 0.10 * place.y;
   }
   /* Every pixel says of which frame it is. */
   pixel = vec4(shade, tag);
}
