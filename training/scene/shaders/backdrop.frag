#version 330
uniform vec3 light, sun, ambient;
uniform float sky_layer;
uniform sampler2DArray pictures;
in vec3 facing, shade, world, place;
out vec3 colour;

void main() {
    vec3 albedo = texture(pictures, place).rgb * shade;
    if (place.z > sky_layer - 0.5) { colour = albedo; return; }
    float lit = clamp(dot(facing, light), 0.0, 1.0);
    float corner = 1.0 - 0.3 * exp(-2.5 * max(world.y, 0.0)) * (1.0 - abs(facing.y));
    colour = sqrt(albedo * albedo * (ambient * (0.8 + 0.2 * facing.y) + sun * lit) * corner);
}
