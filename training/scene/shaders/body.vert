#version 330
// Skins the resting body: a bone's row i is its column i of the rotation, row 3 its translation.
uniform mat4 view;
uniform mat4x3 skeleton[31];
in vec3 position, normal, tint;
in vec3 garments_a;
in vec4 garments_b;
in vec4 bones, shares;
out vec3 world, facing, rest, colour_tint;
out vec3 shares_a;
out vec4 shares_b;

void main() {
    mat4x3 move = mat4x3(0.0);
    for (int i = 0; i < 4; i++) move += shares[i] * skeleton[int(bones[i])];
    world = move * vec4(position, 1.0);
    facing = mat3(move) * normal;
    rest = position;
    colour_tint = tint;
    shares_a = garments_a;
    shares_b = garments_b;
    gl_Position = view * vec4(world, 1.0);
}
