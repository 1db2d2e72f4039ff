#version 330
// The body pressed flat onto the floor along the light, seen from above.
uniform mat4x3 skeleton[31];
uniform vec3 light, window;  // window: x, z of its middle and its reach
in vec3 position;
in vec4 bones, shares;

void main() {
    mat4x3 move = mat4x3(0.0);
    for (int i = 0; i < 4; i++) move += shares[i] * skeleton[int(bones[i])];
    vec3 world = move * vec4(position, 1.0);
    vec2 floor_place = world.xz - light.xz / light.y * world.y;
    gl_Position = vec4((floor_place - window.xy) / window.z, 0.0, 1.0);
}
