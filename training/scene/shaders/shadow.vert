#version 330
uniform mat4 view;
uniform vec3 window;
out vec2 uv;

void main() {
    vec2 corner = vec2(gl_VertexID == 1 || gl_VertexID == 2 || gl_VertexID == 4,
                       gl_VertexID == 2 || gl_VertexID == 4 || gl_VertexID == 5);
    uv = corner;
    vec2 place = window.xy + (corner * 2.0 - 1.0) * window.z;
    gl_Position = view * vec4(place.x, 0.004, place.y, 1.0);
}
