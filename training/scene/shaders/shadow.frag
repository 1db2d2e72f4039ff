#version 330
uniform sampler2D shade;
uniform float strength;
in vec2 uv;
out vec3 factor;

void main() { factor = vec3(1.0 - strength * textureLod(shade, uv, 2.0).r); }
