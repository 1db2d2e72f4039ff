#version 330
// Cloth and skin: two colours in a pattern laid over the resting body, folds, a lamp and light from all round.
uniform vec3 light, sun, ambient, eye;
uniform vec3 colours[14];
uniform vec3 patterns[7];  // kind, fineness per metre, slack in metres
uniform sampler2D grain;
in vec3 world, facing, rest, colour_tint;
in vec3 shares_a;
in vec4 shares_b;
out vec3 colour;

int largest() {
    float shares[7] = float[7](shares_a.x, shares_a.y, shares_a.z, shares_b.x, shares_b.y, shares_b.z, shares_b.w);
    int best = 0;
    for (int i = 1; i < 7; i++) if (shares[i] > shares[best]) best = i;
    return best;
}

float pattern(int kind, vec3 p, vec3 n) {
    float which = patterns[kind].x, fine = patterns[kind].y;
    float across = abs(n.x) > 0.7 ? p.z : p.x;
    if (which < 0.5) return 0.0;
    if (which < 1.5) return step(0.5, fract(p.y * fine));
    if (which < 2.5) return step(0.5, fract(across * fine));
    if (which < 3.5) return 0.5 * (step(0.5, fract(p.y * fine)) + step(0.5, fract(across * fine)));
    return smoothstep(0.45, 0.55, texture(grain, vec2(across, p.y) * fine * 0.05).r);
}

void main() {
    int kind = largest();
    vec3 n = normalize(facing);
    vec2 place = vec2(rest.x + rest.z, rest.y);
    float fold = patterns[kind].z * 60.0;
    float here = texture(grain, place * 1.3).r;
    n = normalize(n + fold * vec3(here - texture(grain, place * 1.3 + vec2(0.012, 0.0)).r,
                                  here - texture(grain, place * 1.3 + vec2(0.0, 0.012)).r, 0.0));
    vec3 albedo = mix(colours[2 * kind], colours[2 * kind + 1], pattern(kind, rest, n)) * colour_tint;
    albedo *= 0.92 + 0.16 * texture(grain, place * 6.0).r;
    float lit = clamp(dot(n, light) * 0.85 + 0.15, 0.0, 1.0);
    vec3 half_way = normalize(light + normalize(eye - world));
    float gloss = (kind == 0 || kind == 5) ? 0.12 : 0.03;
    float shine = gloss * pow(max(dot(n, half_way), 0.0), 24.0);
    vec3 around = ambient * (0.72 + 0.28 * n.y);
    colour = sqrt(max(albedo * albedo * (around + sun * lit) + sun * shine, 0.0));
}
