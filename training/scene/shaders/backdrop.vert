#version 330
uniform mat4 view;
in vec3 position, normal, tint;
in vec2 uv;
in float layer;
out vec3 facing, shade, world;
out vec3 place;

void main() {
    facing = normal;
    shade = tint;
    place = vec3(uv, layer);
    world = position;
    gl_Position = view * vec4(position, 1.0);
}
